// Adaptive training sample selection (Zhang et al. 2020, "Bridging the Gap Between Anchor-based and Anchor-free
// Detection"). Differs from the paper: an object that gets no positive may be given its best candidate
// (`rescue_small`), and equal distances or overlaps are resolved by index, so that the result never depends on the
// machine.
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/boxes/point_grid.h"
#include "skylift/config/option_table.h"
#include "skylift/data/sample.h"

namespace skylift {

struct AtssOptions {
  int candidates = 9;       ///< nearest points a level that are considered for an object
  double anchor_scale = 8;  ///< side of a point's square anchor, in strides
  bool rescue_small =
      true;  ///< an object without any positive gets its best candidate (not in the paper; tiny objects need it)
  bool mask_ignored = true;  ///< points whose centre lies in an ignored region do not count as negatives
};

void bind(OptionSection section, AtssOptions& options);

/// Holds only the candidates (levels x 9 per object), so memory grows with the objects, never with objects x points.
/// Runs on the CPU whatever the device of the targets; the result is on the grid's device. `geometries` tell content
/// from padding.
Assignment assign_atss(const PointGrid& grid, const std::vector<Targets>& targets,
                       const std::vector<ImageGeometry>& geometries, const AtssOptions& options);

/// What is considered for one object: on each level the points nearest to its centre that lie on the image's content,
/// level by level and by rising distance (then by index).
struct AtssCandidates {
  std::vector<int64_t> points;    ///< K indices into the PointGrid
  std::vector<double> ious;       ///< K, the point's anchor with the object
  std::vector<double> distances;  ///< K, px, point to the object's centre
  double threshold = 0;           ///< mean + unbiased standard deviation of `ious`
};
AtssCandidates atss_candidates(const PointGrid& grid, const ImageGeometry& geometry, const BoxXyxy& box,
                               const AtssOptions& options);

}  // namespace skylift
