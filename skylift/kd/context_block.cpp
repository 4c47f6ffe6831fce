#include "skylift/kd/context_block.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <algorithm>

namespace skylift {
namespace {

class ContextBlock : public torch::nn::Module {
 public:
  explicit ContextBlock(int channels) {
    const int inner = std::max(channels / 2, 1);
    mask_ = register_module("mask", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, 1, 1)));
    narrow_ = register_module("narrow", torch::nn::Linear(channels, inner));
    norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({inner})));
    widen_ = register_module("widen", torch::nn::Linear(inner, channels));
    torch::nn::init::kaiming_normal_(mask_->weight, 0, torch::kFanIn, torch::kReLU);
    torch::nn::init::zeros_(mask_->bias);
    torch::nn::init::zeros_(widen_->weight);
    torch::nn::init::zeros_(widen_->bias);
  }

  at::Tensor forward(const at::Tensor& map) {
    const at::Tensor share = mask_->forward(map).flatten(2).softmax(2);  // [B,1,H*W]
    const at::Tensor context = (map.flatten(2) * share).sum(2);          // [B,K]
    const at::Tensor change = widen_->forward(norm_->forward(narrow_->forward(context)).relu());
    return map + change.unsqueeze(2).unsqueeze(3);
  }

 private:
  torch::nn::Conv2d mask_{nullptr};
  torch::nn::Linear narrow_{nullptr}, widen_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};

}  // namespace

ContextBlocks::ContextBlocks(int channels, size_t levels) {
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (size_t i = 0; i < levels; ++i) blocks_->push_back(std::make_shared<ContextBlock>(channels));
}

at::Tensor ContextBlocks::operator()(size_t level, const at::Tensor& map) {
  return blocks_->at<ContextBlock>(level).forward(map);
}

}  // namespace skylift
