#include "skylift/losses/quality_focal.h"

#include <ATen/Functions.h>

namespace skylift {

at::Tensor quality_focal_loss(const at::Tensor& logits, const at::Tensor& targets, double beta) {
  const at::Tensor target = targets.detach();
  const at::Tensor entropy = at::binary_cross_entropy_with_logits(logits, target, {}, {}, at::Reduction::None);
  const at::Tensor gap = target - logits.sigmoid();
  if (beta == 2) return entropy * gap.square();
  return beta == 1 ? entropy * gap.abs() : entropy * gap.abs().pow(beta);
}

}  // namespace skylift
