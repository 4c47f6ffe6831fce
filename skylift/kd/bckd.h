// BCKD (Yang et al. 2023, "Bridging Cross-task Protocol Inconsistency for Distillation in Dense Object Detection"):
// class scores as independent sigmoids under a focal factor, boxes by their overlap with the teacher's. Costs no
// parameters and no extra pass.
//
//   kd_bckd_cls = weight * sum over locations and classes of |q - p| BCE(z, q) / N
//   kd_bckd_box = weight * sum over locations of m (1 - GIoU(student's box, teacher's box)) / N
// with q, p = the teacher's, the student's probability, z = the student's logit, m = the largest |q - p| of a location.
// By default over all locations that count, N = sum over images of max(positives, 1), as published. With kd.region set:
// under the region's weights, N their sum. The authors' code skips levels without positives; here they count like the
// others.
#pragma once

#include "skylift/config/option_table.h"

namespace skylift {

struct DistillStep;

struct BckdOptions {
  double cls_weight = 1;
  double box_weight = 4;
  double beta = 1;  ///< exponent of |q - p|
};

void bind(OptionSection section, BckdOptions& options);

void add_bckd_terms(DistillStep& step);

}  // namespace skylift
