// FGD (Yang et al. 2022, "Focal and Global Knowledge Distillation for Detectors"): features imitated where the teacher
// attends, foreground and background apart, attention maps imitated, and relations between pixels through a global
// context block.
//
// Attention at temperature T: of the cells H*W * softmax over cells of (mean over channels |F|) / T, of the channels
// K * softmax over channels of (mean over cells |F|) / T; the teacher's weighs the differences. Foreground mask: 1 /
// area of the box in cells, the larger of overlapping ones; background mask: 1 / number of the other cells.
//   kd_fgd_foreground, kd_fgd_background = weight * sum of (S - T)^2 under attention and mask
//   kd_fgd_attention = weight * sum |A_S - A_T|
//   kd_fgd_relation = weight * sum (R(S) - R(T))^2, R a trained context block each
// "authors": sums over channels and locations, divided by the images, and boxes scaled by the size of the unpadded
// image, so that masks drift on padded ones. Ours: means, times the sizes that the published weights refer to
// (features.h; 7 objects an image for the foreground), and masks where the boxes are. With kd.region set its weights
// are the foreground mask, and the background is what lies outside the region.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "skylift/assign/grid_cells.h"
#include "skylift/kd/method.h"

namespace skylift {

struct FgdOptions {
  double temperature = 0.5;         ///< of the attention maps
  double foreground_weight = 1e-3;  ///< alpha
  double background_weight = 5e-4;  ///< beta
  double attention_weight = 5e-4;   ///< gamma
  double relation_weight = 5e-6;    ///< lambda
};

void bind(OptionSection section, FgdOptions& options);

struct FgdAttention {
  at::Tensor cells;     ///< [B,1,H,W], sums to H*W
  at::Tensor channels;  ///< [B,K,1,1], sums to K
};
FgdAttention fgd_attention(const at::Tensor& map, double temperature);

/// [H,W] foreground mask of one image and level.
at::Tensor fgd_foreground(const GridLevel& level, const std::vector<BoxXyxy>& boxes);

MethodPtr make_fgd(const MethodContext& context);

}  // namespace skylift
