// The global context block of GCNet (Cao et al. 2019) as FGD uses it to relate all cells of a map.
//   R(F) = F + W2(ReLU(LayerNorm(W1 ctx))),  ctx = sum over cells of F * softmax over cells of a 1x1 convolution to one
//   channel
// W1 halves the channels, W2 brings them back and starts at zero, so R is the identity at the start.
#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include <cstddef>

namespace skylift {

/// One block a level.
class ContextBlocks : public torch::nn::Module {
 public:
  ContextBlocks(int channels, size_t levels);
  /// [B,K,H,W] -> the same shape.
  at::Tensor operator()(size_t level, const at::Tensor& map);

 private:
  torch::nn::ModuleList blocks_;
};

}  // namespace skylift
