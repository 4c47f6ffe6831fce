// A convolution's forward pass, its weight gradient kept out of operators that are slow on CPUs.
#pragma once

#include <torch/nn/modules/conv.h>

namespace skylift {

/// conv.forward(input). oneDNN (PyTorch 2.13) is slow at two weight gradients of channels_last maps in float: without
/// AVX-512 at a third to a fifth of its other speed, so wide convolutions get theirs from copies in planes; and at 5x5
/// depthwise ones at an eighth, so these get theirs from depthwise_gradient.h. The same numbers up to
/// rounding; it cannot be differentiated twice.
at::Tensor convolve(torch::nn::Conv2dImpl& conv, const at::Tensor& input);

}  // namespace skylift
