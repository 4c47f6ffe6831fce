#include "skylift/models/pointwise.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

namespace skylift {

at::Tensor forward_pointwise(torch::nn::Conv2dImpl& conv, const at::Tensor& input) {
  const int64_t stride = conv.options.stride()->at(0);
  // Only a backward pass is in danger; without one, as in an export, the operator stays what it is.
  const bool differentiated = at::GradMode::is_enabled() && (input.requires_grad() || conv.weight.requires_grad());
  if (stride == 1 || conv.options.in_channels() >= 16 || !differentiated) return conv.forward(input);
  const at::Tensor x = input.slice(2, 0, std::nullopt, stride).slice(3, 0, std::nullopt, stride);
  return at::conv2d(x.contiguous(input.suggest_memory_format()), conv.weight, conv.bias);
}

}  // namespace skylift
