// What a dense detector returns: everything that a loss, a distillation method or the decoder reads, per pyramid level.
// Shapes: B images, K channels, C classes, R = reg_max, H x W cells of the level.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "skylift/boxes/point_grid.h"

namespace skylift {

struct LevelOutput {
  at::Tensor feature;     ///< [B,K,H,W] the pyramid's output, what both towers read
  at::Tensor cls_logits;  ///< [B,C,H,W] one sigmoid per class, no background channel
  at::Tensor box_logits;  ///< [B,4(R+1),H,W] side-major (left, top, right, bottom), R+1 bins a side, after the level's
                          ///< scale; float

  at::Tensor
      box_known;  ///< [B,1,H,W] float: of a teacher that is finished boxes, 1 where it has one, else 0; undefined:
                  ///< everywhere

  // A second prediction, read from lifted features: only in training, only with head.lifting.training_only; else
  // undefined.
  at::Tensor lifted_cls_logits;  ///< as cls_logits
  at::Tensor lifted_box_logits;  ///< as box_logits
};

struct DenseOutput {
  std::vector<LevelOutput> levels;  ///< finest first
  std::vector<int> strides;         ///< px, parallel to `levels`
  int reg_max = 16;                 ///< R: bins 0..R, in strides
  at::Tensor
      known_classes;  ///< [K] int64, on the CPU, rising: of a teacher of other classes, those it can say something of;
                      ///< undefined: all
  bool has_lifted() const { return !levels.empty() && levels.front().lifted_cls_logits.defined(); }
};

/// The points of these maps, on their device.
PointGrid point_grid(const DenseOutput& output);

/// [B,A,C] class logits over all points, in float (double stays double, for gradient checks).
at::Tensor flat_cls_logits(const DenseOutput& output);

/// [B,A,4,R+1] box logits over all points, likewise. A copy of 4(R+1) numbers a point: to read some points only, see
/// skylift/losses/point_gather.h.
at::Tensor flat_box_logits(const DenseOutput& output);

}  // namespace skylift
