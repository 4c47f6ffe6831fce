// Backbones of inverted residual blocks, for the edge: convolutions, batch norm and ReLU6, nothing that INT8 dislikes.
//   efficientnet_lite0|1|2: EfficientNet (Tan and Le 2019) without squeeze-excite and swish, stem and head not scaled;
//     tensor names, "same" padding and batch norm's numbers are those of the PyPI package efficientnet-lite-pytorch.
//   mobilenet_v2: Sandler et al. 2018, torchvision's names and padding.
// Both without what follows the last block (a 1x1 convolution to 1280 channels, and the classifier).
#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <memory>
#include <vector>

#include "skylift/models/backbone.h"

namespace skylift {

/// Convolution, batch norm and, except in the one that ends a block, ReLU6.
struct ConvUnit {
  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  bool activated = true;

  /// A strided convolution that has no padding of its own gets TensorFlow's "same": the odd pixel of an even size goes
  /// to the right and the bottom.
  at::Tensor forward(const at::Tensor& input);
};

/// What a network of this family is made of: seven rows of equal blocks, and how its tensors are named.
struct InvertedResidualPlan;

/// 1x1 expansion (not with factor 1), depthwise convolution, linear 1x1 projection; a shortcut where shapes allow.
class InvertedResidualBlock : public torch::nn::Module {
 public:
  InvertedResidualBlock(const InvertedResidualPlan& plan, size_t row, int stride, int64_t in_channels,
                        int64_t out_channels);
  at::Tensor forward(const at::Tensor& input);
  const std::vector<ConvUnit>& units() const { return units_; }
  bool has_shortcut() const { return shortcut_; }

 private:
  void register_flat();
  void register_nested();

  bool shortcut_;
  std::vector<ConvUnit> units_;
};

class InvertedResidualNet : public Backbone {
 public:
  static bool knows(const std::string& name);

  explicit InvertedResidualNet(const BackboneOptions& options);
  std::vector<at::Tensor> forward(const at::Tensor& images) override;
  int stage_of(const std::string& name) const override;
  int level_of(const std::string& name) const override;

  const ConvUnit& stem() const { return stem_; }
  const std::vector<std::shared_ptr<InvertedResidualBlock>>& blocks() const { return blocks_; }
  /// Whether block i's output is one of C2..C5.
  bool ends_stage(size_t i) const;

 private:
  struct Place {
    int stage, in_level, out_level;
  };

  void add_blocks();
  void register_all();
  /// The block that a tensor belongs to, or -1: the stem.
  int block_of(const std::string& name) const;

  const InvertedResidualPlan* plan_;
  ConvUnit stem_;
  std::vector<std::shared_ptr<InvertedResidualBlock>> blocks_;
  std::vector<Place> places_;  ///< parallel to blocks_
};

}  // namespace skylift
