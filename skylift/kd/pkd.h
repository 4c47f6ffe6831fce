// PKD (Cao et al. 2022, "PKD: General Distillation Framework for Object Detectors via Pearson Correlation
// Coefficient"): pyramid features are standardised per channel before they are compared, so only their pattern counts;
// safe across detector families.
//
//   kd_pkd = weight * sum over levels of mean((S' - T')^2) / 2,  S', T' standardised over (B,H,W) with the unbiased
//   deviation + 1e-6.
// With kd.region set: the map's statistics, the error averaged under the region's weights, times the number of levels.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "skylift/kd/method.h"

namespace skylift {

struct PkdOptions {
  double weight = 6;
  std::string statistics = "map";
};

void bind(OptionSection section, PkdOptions& options);

/// [B,K,H,W] -> the same, standardised per channel.
at::Tensor standardised(const at::Tensor& map);

MethodPtr make_pkd(const MethodContext& context);

}  // namespace skylift
