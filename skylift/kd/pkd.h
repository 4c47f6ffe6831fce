// PKD (Cao et al. 2022, "PKD: General Distillation Framework for Object Detectors via Pearson Correlation
// Coefficient"): pyramid features are standardised per channel before they are compared, so only their pattern counts;
// safe across detector families.
//
//   kd_pkd = weight * sum over levels of mean((S' - T')^2) / 2,  S', T' standardised over (B,H,W) with the unbiased
//   deviation + 1e-6.
// With a region: the error averaged under its weights, times the number of levels; the statistics are the map's, or
// with statistics = "region" those of the region's rows under the same weights, so that what is compared is the pattern
// among instances and not the contrast of instances to background.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "skylift/kd/method.h"

namespace skylift {

struct PkdOptions {
  double weight = 6;
  std::string statistics = "map";  ///< of what channels are standardised: "map", or "region" where one is asked for
};

void bind(OptionSection section, PkdOptions& options);

/// [B,K,H,W] -> the same, standardised per channel.
at::Tensor standardised(const at::Tensor& map);

MethodPtr make_pkd(const MethodContext& context);

}  // namespace skylift
