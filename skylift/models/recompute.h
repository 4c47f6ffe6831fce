// Activations that are computed twice instead of kept (Chen et al. 2016, "Training Deep Nets with Sublinear Memory
// Cost"): for networks that do not fit.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>

namespace skylift {

/// forward(input), of which the input alone is kept: the backward pass computes what lies between anew, under the same
/// autocast. `block` is the module that `forward` runs; its buffers (running statistics) are updated once, and nothing
/// in it may be random. Each parameter takes part in one call a step: its gradient is complete when that call's backward
/// pass is (gradients are sent to other processes then). For backward() alone: the parameters' gradients are added to
/// .grad, so torch::autograd::grad does not see them. Without gradients to compute it is forward(input).
at::Tensor recomputed(torch::nn::Module& block, std::function<at::Tensor(const at::Tensor&)> forward,
                      const at::Tensor& input);

}  // namespace skylift
