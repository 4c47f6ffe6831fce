// Which locations a distillation method looks at, and how much each counts: one concept for every method.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "skylift/boxes/point_grid.h"

namespace skylift {

/// N locations of a batch. A location may stand in two rows (two objects own it): its weights add up.
struct Region {
  at::Tensor image;        ///< [N] int64, index into the batch
  at::Tensor point;        ///< [N] int64, index into the PointGrid
  at::Tensor weights;      ///< [N] float, > 0, without gradient
  at::Tensor box_weights;  ///< [N] float: of box losses; 0 where the teacher's box is not worth learning
  at::Tensor object;       ///< [N] int64, index into the image's Targets; -1: of none, or the region does not tell

  int64_t count() const { return point.size(0); }
};

/// The same weights as maps, [B,1,H,W] a level, 0 outside the region: for methods on whole feature maps.
std::vector<at::Tensor> region_maps(const Region& region, const PointGrid& grid, int64_t images);

/// sum(weights * losses) / sum(weights), both [N]: does not depend on how many locations there are. Exactly 0 for no
/// rows. The lower sum is that of all processes: theirs add up to the mean over all rows. Called by all alike.
at::Tensor weighted_mean(const at::Tensor& losses, const at::Tensor& weights);

}  // namespace skylift
