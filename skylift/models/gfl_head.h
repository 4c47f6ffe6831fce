// The head of GFL (Li et al. 2020, "Generalized Focal Loss"): two towers of 3x3 convolutions with group norm and ReLU,
// shared by all levels, then class logits and one distribution per side of the box; a learnt scale per level on the box
// logits.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>

#include <memory>
#include <vector>

#include "skylift/models/dense_output.h"
#include "skylift/models/lifting.h"
#include "skylift/models/model_options.h"

namespace skylift {

/// 3x3 convolution without bias, then group norm, computed in float also under autocast; the ReLU is the tower's.
class TowerConv : public torch::nn::Module {
 public:
  TowerConv(int64_t in_channels, int64_t out_channels, int norm_groups);
  at::Tensor forward(const at::Tensor& input);

 private:
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::GroupNorm norm_{nullptr};
};

using Tower = std::vector<std::shared_ptr<TowerConv>>;

/// Parameters "cls_tower.I.{conv,norm}", "reg_tower.I...", "cls_predictor", "box_predictor", "level_scales" [L],
/// "lifting.{cls,reg}".
class GflHead : public torch::nn::Module {
 public:
  GflHead(const HeadOptions& options, int64_t in_channels, int class_count, int level_count);

  std::vector<LevelOutput> forward(const std::vector<at::Tensor>& pyramid);

  /// Goes on from the towers' convolution number `conv` with features that may come from another network: what
  /// convolution and norm gave, before the ReLU. conv = 0: the pyramid's feature itself. LevelOutput::feature stays
  /// undefined.
  LevelOutput predict_from(size_t level, size_t conv, const TowerPair& features);

  const Tower& cls_tower() const { return cls_tower_; }
  const Tower& reg_tower() const { return reg_tower_; }

 private:
  Tower add_tower(const std::string& name, int64_t in_channels);
  void predict(size_t level, const TowerPair& features, at::Tensor& cls_logits, at::Tensor& box_logits);

  HeadOptions options_;
  Tower cls_tower_, reg_tower_;
  torch::nn::Conv2d cls_predictor_{nullptr}, box_predictor_{nullptr};
  at::Tensor level_scales_;           ///< [L]
  std::shared_ptr<LightMl> lifting_;  ///< null: none
};

}  // namespace skylift
