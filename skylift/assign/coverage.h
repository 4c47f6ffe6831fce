// How many objects of a data set get no positive location at all: objects that the detection loss never asks for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/assign/atss.h"
#include "skylift/image/preprocess.h"

namespace skylift {

/// Ranges of an object's size, sqrt(area) in the network's input: "under 8 px", ...
const std::vector<std::string>& size_range_names();
size_t size_range_of(double side_px);

/// Objects of one range of size, as the network sees them.
struct SizeCoverage {
  std::string range;  ///< "under 8 px", ... of sqrt(area) in the network's input
  int64_t objects = 0;
  int64_t uncovered = 0;  ///< without a positive location
};

/// ATSS without its rescue of small objects, on the grid of `strides` for images scaled by `preprocess`. Images of
/// unknown size, crowds, ignored objects and objects of no class are left out.
std::vector<SizeCoverage> anchor_coverage(const AnnotationSet& set, const Preprocess& preprocess,
                                          const std::vector<int>& strides, AtssOptions options);

}  // namespace skylift
