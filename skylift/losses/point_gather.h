// Reads a dense output at some of its points only. Drone images have tens of thousands of points and a few hundred that
// matter; gathering them level by level never copies the 4(R+1) box logits of the others (where maps are
// channels_last).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "skylift/boxes/point_grid.h"
#include "skylift/models/dense_output.h"

namespace skylift {

/// N points (image, point index) in any order, repeats allowed. Built once, it serves every map of that grid.
class PointGather {
 public:
  /// image, point: [N] int64 on the grid's device. `counts`: how many of them are on each level; empty: asked of the
  /// device, which the host then waits for.
  PointGather(const PointGrid& grid, const at::Tensor& image, const at::Tensor& point,
              const std::vector<int64_t>& counts = {});

  /// One [B,K,H,W] map a level -> [N,K] in the points' order, with gradient. In float unless the maps are double.
  /// `reduced`: what becomes of a level's rows before the levels are joined; without it they stay as they are.
  at::Tensor operator()(const std::vector<at::Tensor>& maps,
                        const std::function<at::Tensor(const at::Tensor& rows)>& reduced = {}) const;

 private:
  std::vector<at::Tensor> rows_;  // a level: [N_level] int64, cells of the batch, counted image by image
  at::Tensor back_;               // [N] where each point's row stands once the levels are joined
};

at::Tensor gather_cls_logits(const PointGather& gather, const DenseOutput& output);  ///< [N,C]
at::Tensor gather_box_logits(const PointGather& gather, const DenseOutput& output);  ///< [N,4,R+1]
/// [N,4] the integral of the box logits, in strides. Never holds the logits of more than a level.
at::Tensor gather_distances(const PointGather& gather, const DenseOutput& output);

}  // namespace skylift
