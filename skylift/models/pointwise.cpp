#include "skylift/models/pointwise.h"

#include <ATen/Functions.h>

namespace skylift {

at::Tensor forward_pointwise(torch::nn::Conv2dImpl& conv, const at::Tensor& input) {
  const int64_t stride = conv.options.stride()->at(0);
  if (stride == 1 || conv.options.in_channels() >= 16) return conv.forward(input);
  const at::Tensor x = input.slice(2, 0, std::nullopt, stride).slice(3, 0, std::nullopt, stride);
  return at::conv2d(x.contiguous(input.suggest_memory_format()), conv.weight, conv.bias);
}

}  // namespace skylift
