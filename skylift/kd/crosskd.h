// CrossKD (Wang et al. 2024, "CrossKD: Cross-Head Knowledge Distillation for Object Detection"): the student's head
// features go on through the teacher's frozen head, and those predictions follow the teacher's own. The student's own
// predictions only answer to the ground truth. Implemented from the published formulas.
//
// Per level, the output of the student's tower convolution `tower_convs` (after norm, before ReLU) is aligned to the
// channel statistics of the teacher's, through a 1x1 adapter first where the widths differ, and runs through the rest
// of the teacher's head.
//   kd_crosskd_cls = weight * sum over locations and classes of |q - p| BCE(z, q) / N_pos
//   kd_crosskd_box = weight * sum(m l) / sum(m)
// with q, p = the teacher's probability and that of the cross prediction z, l = T^2 KL summed over bins and averaged
// over sides, m = the teacher's largest probability of a location.
// Over all locations that count; with kd.region set, under its weights. Gradient flows through the teacher's head, so
// stored teacher signals cannot stand in for the teacher. The student's first convolutions of each tower run twice.
#pragma once

#include <ATen/core/Tensor.h>

#include "skylift/kd/method.h"

namespace skylift {

struct CrossKdOptions {
  double cls_weight = 1;
  double box_weight = 4;
  double box_temperature = 1;
  int tower_convs = 3;  ///< how many convolutions of its own towers the student runs before the teacher's take over
};

void bind(OptionSection section, CrossKdOptions& options);

/// [B,K,H,W] twice: the student's map with the teacher's mean and unbiased deviation per channel. Gradient flows
/// through the student's own statistics.
at::Tensor align_statistics(const at::Tensor& student, const at::Tensor& teacher);

MethodPtr make_crosskd(const MethodContext& context);

}  // namespace skylift
