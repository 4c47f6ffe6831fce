#include "skylift/losses/distribution_focal.h"

#include <ATen/Functions.h>

namespace skylift {

at::Tensor distribution_focal_loss(const at::Tensor& logits, const at::Tensor& distances) {
  const double highest_bin = static_cast<double>(logits.size(1) - 1);
  // Just below the last bin, so that the bin above always exists.
  const at::Tensor target = distances.detach().to(logits.scalar_type()).clamp(0, highest_bin - 0.1);
  const at::Tensor lower = target.floor();
  const at::Tensor upper_share = target - lower;
  const at::Tensor log_p = logits.log_softmax(1);
  const auto log_p_at = [&](const at::Tensor& bin) {
    return log_p.gather(1, bin.to(at::kLong).unsqueeze(1)).squeeze(1);
  };
  return -(log_p_at(lower) * (1 - upper_share) + log_p_at(lower + 1) * upper_share);
}

}  // namespace skylift
