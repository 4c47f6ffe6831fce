// One XML file of a VOC data set.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/problem.h"

namespace skylift {

/// What one XML file says; class names, since indices are known only when all files are read.
struct VocImage {
  ImageRecord record;
  std::vector<std::string> names;  ///< parallel to record.objects
  int turned = 0;                  ///< boxes around other shapes
};

/// What cannot be read goes into `problems`, with the line.
VocImage read_voc_xml(const std::filesystem::path& path, Problems& problems);

}  // namespace skylift
