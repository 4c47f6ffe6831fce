#include "skylift/losses/quality_focal.h"

#include <ATen/Functions.h>

namespace skylift {

at::Tensor quality_focal_loss(const at::Tensor& logits, const at::Tensor& targets, double beta) {
  const at::Tensor target = targets.detach();
  const at::Tensor entropy = at::binary_cross_entropy_with_logits(logits, target, {}, {}, at::Reduction::None);
  const at::Tensor gap = target - logits.sigmoid();
  if (beta == 2) return entropy * gap.square();
  if (beta == 1) return entropy * gap.abs();
  // Below 1 the power's gradient has no bound at a gap of 0, which logits in bf16 often have.
  return entropy * (beta < 1 ? gap.abs().clamp_min(1e-6) : gap.abs()).pow(beta);
}

}  // namespace skylift
