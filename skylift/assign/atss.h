// Adaptive training sample selection (Zhang et al. 2020, "Bridging the Gap Between Anchor-based and Anchor-free Detection").
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/boxes/point_grid.h"
#include "skylift/config/option_table.h"
#include "skylift/data/sample.h"

namespace skylift {

struct AtssOptions {
  int candidates = 9;         ///< nearest points a level that are considered for an object
  double anchor_scale = 8;    ///< side of a point's square anchor, in strides
  bool rescue_small = true;   ///< an object without any positive gets its best candidate (not in the paper; tiny objects need it)
  bool mask_ignored = true;   ///< points whose centre lies in an ignored region do not count as negatives
};

void bind(OptionSection section, AtssOptions& options);

/// Holds only the candidates (levels x 9 per object), so memory grows with the objects, never with objects x points.
/// Runs on the CPU whatever the device of the targets; the result is on the grid's device. `geometries` tell content from padding.
Assignment assign_atss(const PointGrid& grid, const std::vector<Targets>& targets, const std::vector<ImageGeometry>& geometries,
                       const AtssOptions& options);

/// Of the candidates of one object: mean + unbiased standard deviation of their IoUs. For LD's valuable region and for tests.
struct AtssCandidates {
  at::Tensor points;  ///< [K] int64
  at::Tensor ious;    ///< [K] float, anchor with object
  double threshold = 0;
};
AtssCandidates atss_candidates(const PointGrid& grid, const at::Tensor& valid_points, const at::Tensor& box_xyxy, const AtssOptions& options);

}  // namespace skylift
