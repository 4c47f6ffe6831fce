// A GFL detector (Li et al. 2020, "Generalized Focal Loss"): backbone, feature pyramid, one head shared by all levels.
#pragma once

#include <torch/nn/module.h>

#include "skylift/models/dense_output.h"
#include "skylift/models/model_options.h"

namespace skylift {

/// Parameter names: "backbone.*" as torchvision's ResNet, "neck.*" and "head.*".
class Detector : public torch::nn::Module {
 public:
  /// Random weights, or the backbone's pretrained ones where options.backbone.weights names a file.
  /// Error: an option out of range, weights of another architecture (names the first tensor that does not fit).
  Detector(const ModelOptions& options, int class_count);

  /// images: [B,3,H,W] float, normalised; H and W multiples of 32.
  DenseOutput forward(const at::Tensor& images);

  const ModelOptions& options() const { return options_; }
  int class_count() const { return class_count_; }

 private:
  ModelOptions options_;
  int class_count_;
};

}  // namespace skylift
