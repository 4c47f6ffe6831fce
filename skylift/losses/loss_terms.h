// Named scalar losses, in the order they are added: the training step only sums them, and a term that is not finite has
// a name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace skylift {

enum class TermKind { detection, distillation };

struct LossTerm {
  std::string name;  ///< e.g. "loss_cls", "kd_ld_main"
  at::Tensor value;  ///< scalar, already weighted
  TermKind kind = TermKind::detection;
};
using LossTerms = std::vector<LossTerm>;

}  // namespace skylift
