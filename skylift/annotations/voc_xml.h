// One XML file of a VOC data set.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/problem.h"

namespace skylift {

/// What one XML file says; class names, since indices are known only when all files are read.
struct VocImage {
  ImageRecord record;
  std::vector<std::string> names;                                 ///< parallel to record.objects
  int turned = 0;                                                 ///< boxes around other shapes
  double least_corner = std::numeric_limits<double>::infinity();  ///< of <xmin> and <ymin>
};

/// `first_pixel`: its number. VOC counts from 1 and the last pixel is in the box; CVAT, FiftyOne, Label Studio and
/// labelme2voc count from 0 and it is not. What cannot be read goes into `problems`, with the line.
VocImage read_voc_xml(const std::filesystem::path& path, int first_pixel, Problems& problems);

}  // namespace skylift
