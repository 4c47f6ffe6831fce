// Quality focal loss (Li et al. 2020, "Generalized Focal Loss", eq. 4 for a whole vector of classes). With a teacher's
// probabilities as targets it is the classification loss of CrossKD and BCKD.
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// Logits [...] and targets in 0..1 [...] -> [...]: BCE(logit, target) * |target - sigmoid(logit)|^beta, element by
/// element. The modulating factor carries gradient; targets carry none.
at::Tensor quality_focal_loss(const at::Tensor& logits, const at::Tensor& targets, double beta);

}  // namespace skylift
