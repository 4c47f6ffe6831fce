// The precision that losses are computed in.
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// Doubles stay (gradient checks); bf16 and half become float.
inline at::Tensor in_float(const at::Tensor& values) {
  return values.scalar_type() == at::kDouble ? values : values.to(at::kFloat);
}

}  // namespace skylift
