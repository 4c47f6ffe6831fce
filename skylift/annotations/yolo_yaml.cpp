#include "skylift/annotations/yolo_yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/annotations/number_lines.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

constexpr int most_classes = 100000;

/// An empty text is nothing, as in Ultralytics.
bool is_value(const YAML::Node& node) { return node && !node.IsNull() && !(node.IsScalar() && node.Scalar().empty()); }

}  // namespace

YoloYaml::YoloYaml(const std::filesystem::path& path) : path_(path) {
  try {
    root_ = YAML::Load(read_file(path));
  } catch (const YAML::Exception& error) {
    throw Error("{}: not YAML: {}", line_position(path, static_cast<size_t>(error.mark.line) + 1), error.msg);
  }
  if (!root_.IsMap()) throw Error("{}: not a data.yaml, expected keys such as names, train and val", path.string());
}

bool YoloYaml::has(const char* key) const { return is_value(root_[key]); }

std::string YoloYaml::text(const char* key) const { return scalar(root_[key], "a text"); }

std::vector<YoloYaml::Key> YoloYaml::keys() const {
  std::vector<Key> out;
  for (const auto& item : root_) {
    if (!item.first.IsScalar() || !is_value(item.second)) continue;
    out.push_back({item.first.Scalar(), item.second.IsScalar() && item.second.Scalar().ends_with(".txt")});
  }
  return out;
}

std::vector<std::string> YoloYaml::names() const {
  std::vector<std::string> out = listed_names();
  if (has("nc")) {
    const auto count = parse_integer(text("nc"));
    if (!count || *count < 1 || *count > most_classes)
      fail(root_["nc"],
           fmt::format("got nc {}, expected a number of classes, at most {}", in_quotes(text("nc")), most_classes));
    if (!has("names")) {
      for (int i = 0; i < *count; ++i) out.push_back(fmt::format("class_{}", i));
    }
    if (*count != static_cast<long long>(out.size()))
      fail(root_["nc"], fmt::format("got nc {}, but {} names: {}", *count, out.size(), fmt::join(out, ", ")));
  }
  if (out.empty()) throw Error("{}: no names, expected a list or a map of class names", path_.string());
  return out;
}

std::vector<std::string> YoloYaml::list(const std::string& key) const {
  const YAML::Node node = root_[key];
  if (!node.IsSequence()) return {scalar(node, "a folder, a .txt file or a list of them")};
  std::vector<std::string> out;
  for (const auto& item : node) out.push_back(scalar(item, "a folder or a .txt file"));
  return out;
}

int YoloYaml::key_points() const {
  const YAML::Node node = root_["kpt_shape"];
  if (!node || !node.IsSequence()) return 0;
  constexpr long long most = 10000;
  long long product = 1;
  for (const auto& item : node) {
    const long long factor = parse_integer(scalar(item, "a number")).value_or(0);
    product = std::min(product * std::clamp<long long>(factor, 0, most), most);
  }
  return static_cast<int>(product);
}

void YoloYaml::fail(const YAML::Node& node, const std::string& what) const {
  throw Error("{}: {}", line_position(path_, static_cast<size_t>(node.Mark().line) + 1), what);
}

std::string YoloYaml::scalar(const YAML::Node& node, const char* expected) const {
  if (!node.IsScalar()) fail(node, fmt::format("expected {}", expected));
  return node.Scalar();
}

std::vector<std::string> YoloYaml::listed_names() const {
  const YAML::Node node = root_["names"];
  std::vector<std::string> out;
  if (node && node.IsSequence()) {
    for (const auto& item : node) out.push_back(scalar(item, "a class name"));
  } else if (node && node.IsMap()) {
    out.resize(node.size());
    std::vector<bool> seen(out.size());
    for (const auto& item : node) {
      const auto index = parse_integer(scalar(item.first, "a class index"));
      const bool good =
          index && *index >= 0 && *index < static_cast<long long>(out.size()) && !seen[static_cast<size_t>(*index)];
      if (!good)
        fail(item.first, fmt::format("got class index {}, expected each of 0..{} once", in_quotes(item.first.Scalar()),
                                     out.size() - 1));
      seen[static_cast<size_t>(*index)] = true;
      out[static_cast<size_t>(*index)] = scalar(item.second, "a class name");
    }
  }
  return out;
}

}  // namespace skylift
