// The first half of CID (cid.h): which locations lie near instances, what is proposed there, and whose proposal it is.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "skylift/kd/cid.h"
#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/object_points.h"

namespace skylift {

/// One location near some instance.
struct Near {
  int64_t point = 0;
  BoxXyxy proposal;
  int64_t object = -1;  // of the batch: the one that the proposal overlaps most
  double iou = 0;       // with it
};

/// Of each image its locations near instances, by rising point; row_of: [A] into that list.
struct NearLocations {
  std::vector<std::vector<Near>> images;
  std::vector<std::vector<int32_t>> row_of;
};

/// As far from each instance as centerness and gate allow, on allowed points (B lists of A flags).
NearLocations near_locations(const DistillInputs& inputs, const BatchObjects& objects,
                             const std::vector<std::vector<float>>& allowed, const CidOptions& options);

/// Fills in the proposals; `cls` gets the teacher's class logits [N,C] on the CPU where they are a factor.
void propose(NearLocations& near, const DistillInputs& inputs, const CidOptions& options, at::Tensor& cls);

/// Gives each location to the instance that its proposal overlaps most (the first of equals). Returns the best IoU of
/// each instance. [G]
std::vector<double> choose_instances(NearLocations& near, const DistillInputs& inputs, const BatchObjects& objects,
                                     const CidOptions& options);

}  // namespace skylift
