#include "skylift/annotations/annotations.h"

namespace skylift {

const std::vector<std::string>& visdrone_classes() {
  static const std::vector<std::string> names = {"pedestrian", "people",   "bicycle",         "car", "van",
                                                 "truck",      "tricycle", "awning-tricycle", "bus", "motor"};
  return names;
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
