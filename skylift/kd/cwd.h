// CWD (Shu et al. 2021, "Channel-wise Knowledge Distillation for Dense Prediction"): each channel's map, as a
// distribution over its cells, follows the teacher's. On the class logits (weight 5 for GFL) or on the pyramid features
// (weight 10).
//
//   kd_cwd = weight * sum over levels of T^2 * sum over images and channels of KL(teacher || student) / (channels * images)
//
// At a region the distributions are over its cells, each counted by its weight; a map without any contributes 0.
#pragma once

#include <ATen/core/Tensor.h>

#include "skylift/kd/method.h"

namespace skylift {

struct CwdOptions {
  std::string source = "logits";  ///< or "features"
  double weight = 5;              ///< published: 5 on logits, 10 on features
  double temperature = 1;
};

void bind(OptionSection section, CwdOptions& options);

/// [B,K,H,W] twice -> scalar, one level. `weights` [B,1,H,W]: of the cells, or undefined.
at::Tensor channel_wise_kl(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                           const at::Tensor& weights = {});

MethodPtr make_cwd(const MethodContext& context);

}  // namespace skylift
