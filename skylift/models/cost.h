// What a detector costs to run: parameters and multiply-adds per part, from its own weights. One multiply-add counts
// once, as in the "GFLOPs" of most detection papers; convolutions only: norms, activations and upsampling are below 1 %
// of the whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skylift/models/detector.h"

namespace skylift {

struct PartCost {
  std::string part;  ///< "backbone stem", "backbone stage1", ..., "neck", "head cls tower", ...
  int64_t parameters = 0;
  int64_t multiply_adds = 0;  ///< of one image, in inference
};

/// In the order of the forward pass. `height`, `width`: of the input, px.
std::vector<PartCost> part_costs(const Detector& detector, int64_t height, int64_t width);

PartCost total_cost(const std::vector<PartCost>& parts);

/// What Light-ML adds to the plain detector in this state (folded or not) in inference; zeros without it.
PartCost lifting_cost(const Detector& detector, int64_t height, int64_t width);

}  // namespace skylift
