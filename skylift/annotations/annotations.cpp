#include "skylift/annotations/annotations.h"

#include <fmt/format.h>

#include <algorithm>

#include "skylift/core/text.h"

namespace skylift {

std::unordered_map<int64_t, int> class_of_id(const AnnotationSet& set) {
  std::unordered_map<int64_t, int> classes(set.more_ids.begin(), set.more_ids.end());
  for (size_t i = 0; i < set.class_ids.size(); ++i) classes.emplace(set.class_ids[i], static_cast<int>(i));
  return classes;
}

std::unordered_map<std::string, int> class_of_name(const std::vector<std::string>& classes) {
  std::unordered_map<std::string, int> indices;
  for (size_t i = 0; i < classes.size(); ++i) indices.emplace(classes[i], static_cast<int>(i));
  return indices;
}

void set_classes(AnnotationSet& set, const std::vector<NamedClass>& classes) {
  set.classes.clear();
  set.class_ids.clear();
  set.more_ids.clear();
  std::unordered_map<std::string, size_t> known;
  for (const auto& [name, id] : classes) {
    const auto [found, is_new] = known.emplace(name, set.classes.size());
    if (is_new) {
      set.classes.push_back(name);
      set.class_ids.push_back(id);
      continue;
    }
    const size_t index = found->second;
    set.more_ids.emplace_back(id, static_cast<int>(index));
    set.notes.push_back(
        {set.source.string(), fmt::format("class {} stands twice, with the ids {} and {}: taken as one class",
                                          in_quotes(name), set.class_ids[index], id)});
  }
}

const std::vector<std::string>& visdrone_classes() {
  static const std::vector<std::string> names = {"pedestrian", "people",   "bicycle",         "car", "van",
                                                 "truck",      "tricycle", "awning-tricycle", "bus", "motor"};
  return names;
}

BoxXywh clipped(const BoxXywh& box, const ImageRecord& image) {
  const double x = std::max(0.0, box.x), y = std::max(0.0, box.y);
  return {x, y, std::min<double>(image.width, box.x + box.w) - x, std::min<double>(image.height, box.y + box.h) - y};
}

bool stays_inside(const std::filesystem::path& file) {
  const std::filesystem::path path = file.lexically_normal();
  return path.is_relative() && !path.empty() && *path.begin() != "..";
}

const std::vector<std::string>& uavdt_classes() {
  static const std::vector<std::string> names = {"car", "truck", "bus"};
  return names;
}

}  // namespace skylift
