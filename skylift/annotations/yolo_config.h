// The file that names a YOLO data set's parts: Ultralytics' data.yaml, darknet's obj.data, or a list of classes alone, as
// Label Studio and LabelImg leave it.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

class YoloConfig {
 public:
  /// Error: not such a file (with the line), no class names, `nc` that is not their number.
  static YoloConfig read(const std::filesystem::path& file);

  /// The config in a folder, or an empty path.
  static std::filesystem::path find_in(const std::filesystem::path& folder);

  std::filesystem::path root() const;                               ///< what the places are relative to
  const std::vector<std::string>& names() const { return names_; }  ///< by class index; a name may stand twice
  int key_points() const { return key_points_; }                    ///< numbers behind a box that are no part of it

  /// The images of "train", "val", "test" or any other part; empty: where there is only one, or all are the same.
  /// What is taken from another place than the first that the file can mean is said in `notes`.
  /// Error: no such part, no such place (tells where it was looked for).
  std::vector<std::filesystem::path> images(const std::string& split, Problems& notes) const;

 private:
  using Places = std::vector<std::string>;

  explicit YoloConfig(std::filesystem::path file);
  void read_yaml();
  void read_darknet();
  void read_class_list();
  void add_unnamed_splits();
  bool has_split(const std::string& name) const;
  void add_split(const std::string& name, Places places);
  const Places& places(const std::string& split) const;
  std::filesystem::path find(const std::string& place, const std::vector<std::filesystem::path>& roots) const;
  std::vector<std::filesystem::path> listed_images(const std::filesystem::path& list, Problems& notes) const;

  std::filesystem::path file_, folder_;
  std::vector<std::filesystem::path> roots_;  ///< folders that places may be relative to, the likeliest first
  std::vector<std::string> names_;
  std::vector<std::pair<std::string, Places>> splits_;
  int key_points_ = 0;
};

}  // namespace skylift
