// Generalized IoU loss (Rezatofighi et al. 2019).
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// Predicted [N,4] and target [N,4] corners in one unit -> [N]: 1 - GIoU, in 0..2. Targets carry no gradient.
at::Tensor giou_loss(const at::Tensor& boxes_xyxy, const at::Tensor& target_xyxy);

}  // namespace skylift
