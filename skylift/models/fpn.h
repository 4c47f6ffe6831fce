// Feature pyramid (Lin et al. 2017) from a backbone's C2..C5: 1x1 lateral convolutions, a top-down path that begins at
// C5, a 3x3 convolution per output; levels above 5 are 3x3 stride-2 convolutions on the output below ("on_output", no
// ReLU between).
#pragma once

#include <torch/nn/modules/conv.h>

#include <vector>

#include "skylift/models/model_options.h"

namespace skylift {

/// Parameters "lateralL" and "outputL" carry the level's number L, so that files with other first levels share names.
class FeaturePyramid : public torch::nn::Module {
 public:
  /// `in_channels`: of C2..C5.
  FeaturePyramid(const NeckOptions& options, const std::vector<int64_t>& in_channels);

  /// C2..C5 -> [B,K,H,W] of the levels first_level..last_level, finest first.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& backbone_maps);

 private:
  torch::nn::Conv2d add_conv(const std::string& name, int64_t in_channels, int kernel, int stride);

  NeckOptions options_;
  std::vector<torch::nn::Conv2d> laterals_;  ///< of the levels first_level..5
  std::vector<torch::nn::Conv2d> outputs_;   ///< of the levels first_level..last_level
};

}  // namespace skylift
