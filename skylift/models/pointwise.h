// A 1x1 convolution of stride 2, kept out of an operator that damages the heap.
#pragma once

#include <torch/nn/modules/conv.h>

namespace skylift {

/// With less than 16 input channels and where there will be gradients: a slice and a convolution of stride 1. There
/// oneDNN's weight gradient on AVX-512 writes beyond its buffer (PyTorch 2.13, 8 and 12 channels, not 16 and 24).
at::Tensor forward_pointwise(torch::nn::Conv2dImpl& conv, const at::Tensor& input);

}  // namespace skylift
