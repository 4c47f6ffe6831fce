// ResNet (He et al. 2015) as the backbone of a detector: torchvision's layout and parameter names (the stride of a
// bottleneck sits in its 3x3 convolution), without the classifier, with a width factor, frozen stages and frozen batch
// statistics.
#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <memory>
#include <vector>

#include "skylift/models/backbone.h"

namespace skylift {

/// Two 3x3 convolutions ("basic") or 1x1, 3x3, 1x1 ("bottleneck"), each with batch norm, around a shortcut.
class ResidualBlock : public torch::nn::Module {
 public:
  /// `width`: channels of the inner convolutions; a bottleneck's output has four times as many.
  ResidualBlock(int64_t in_channels, int64_t width, int stride, bool bottleneck);
  at::Tensor forward(const at::Tensor& input);
  int64_t out_channels() const { return out_channels_; }

 private:
  at::Tensor shortcut(const at::Tensor& input);

  int64_t out_channels_;
  std::vector<torch::nn::Conv2d> convs_;
  std::vector<torch::nn::BatchNorm2d> norms_;
  torch::nn::Sequential downsample_{nullptr};
};

class ResNet : public Backbone {
 public:
  static bool knows(const std::string& name);

  explicit ResNet(const BackboneOptions& options);
  std::vector<at::Tensor> forward(const at::Tensor& images) override;
  int stage_of(const std::string& name) const override;
  int level_of(const std::string& name) const override;

 private:
  void add_stage(int64_t width, int blocks, int stride, bool bottleneck);

  bool bottleneck_ = false;
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<std::vector<std::shared_ptr<ResidualBlock>>> stages_;
};

}  // namespace skylift
