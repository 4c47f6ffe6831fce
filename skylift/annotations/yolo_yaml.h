// What a data.yaml says; each complaint carries the file and, where there is one, the line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>
#include <vector>

namespace skylift {

class YoloYaml {
 public:
  /// The path must outlive this. Error: not YAML, not a map.
  explicit YoloYaml(const std::filesystem::path& path);

  struct Key {
    std::string name;
    bool is_list;  ///< its value is the name of a .txt
  };

  bool has(const char* key) const;
  std::string text(const char* key) const;
  std::vector<Key> keys() const;  ///< those that have a value, in the file's order
  std::vector<std::string> list(const std::string& key) const;

  /// Names by index; `nc` alone gives class_0, class_1, ..., as in Ultralytics.
  std::vector<std::string> names() const;

  /// The product of kpt_shape, [points, numbers a point]; 0: no key points.
  int key_points() const;

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const;
  std::string scalar(const YAML::Node& node, const char* expected) const;
  std::vector<std::string> listed_names() const;

  const std::filesystem::path& path_;
  YAML::Node root_;
};

}  // namespace skylift
