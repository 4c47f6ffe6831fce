// A GFL detector (Li et al. 2020, "Generalized Focal Loss"): backbone, feature pyramid, one head shared by all levels.
#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "skylift/models/backbone.h"
#include "skylift/models/dense_output.h"
#include "skylift/models/fpn.h"
#include "skylift/models/gfl_head.h"
#include "skylift/models/model_options.h"

namespace skylift {

/// Parameter names: "backbone.*" as the backbone's origin has them, "neck.*" and "head.*".
class Detector : public torch::nn::Module {
 public:
  /// Random weights, or the backbone's pretrained ones where options.backbone.weights names a file.
  /// Error: an option out of range, weights of another architecture (names the first tensor that does not fit).
  Detector(const ModelOptions& options, int class_count);

  /// images: [B,3,H,W] float, normalised. Any size; a stride larger than the image has one row or column.
  DenseOutput forward(const at::Tensor& images);

  const ModelOptions& options() const { return options_; }
  int class_count() const { return class_count_; }

  Backbone& backbone() { return *backbone_; }
  const Backbone& backbone() const { return *backbone_; }
  FeaturePyramid& neck() { return *neck_; }
  GflHead& head() { return *head_; }

 private:
  void load_pretrained();

  ModelOptions options_;
  int class_count_;
  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<FeaturePyramid> neck_;
  std::shared_ptr<GflHead> head_;
};

}  // namespace skylift
