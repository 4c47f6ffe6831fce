// What a detector is made of. Travels in the metadata of every model file, so that a file describes itself.
#pragma once

#include <string>
#include <vector>

#include "skylift/config/option_table.h"

namespace skylift {

struct BackboneOptions {
  std::string name = "resnet18";  ///< one of backbone_names()
  double width = 1.0;             ///< factor on every channel count; pretrained weights need 1
  int frozen_stages = -1;         ///< -1 none, 0 the stem, k the stem and stages 1..k: no gradient, eval mode
  bool norm_eval = false;         ///< batch norm uses running statistics in training (its affine part is still trained)
  std::string weights = {};       ///< pretrained weights to start from, see backbone_weights.h; empty: random
};

struct NeckOptions {
  int channels = 256;
  int first_level = 3;  ///< the finest pyramid level, stride 2^level: 2 or 3 (2 for very small objects)
  int last_level = 7;   ///< the coarsest; levels above 5 are made by stride-2 convolutions on the output below

  std::vector<int> strides() const;  ///< px, finest first
};

struct LiftingOptions {  // Light-ML, skylift/models/lifting.h
  bool enabled = false;
  int kernel = 1;                   ///< 1 or 3; 3 cannot be folded
  int groups = 1;                   ///< of the light convolutions; 0: depthwise
  std::string norm = "none";        ///< before the convolutions, "none" or "gn"; with one the module cannot be folded
  std::string activation = "none";  ///< after the norm, "none" or "relu"
  bool training_only = false;       ///< predict with and without; only the lifted prediction is distilled, then dropped
  bool folded = false;  ///< the predictors hold a part of the module: what saving makes of it (folded_branch)
};

struct HeadOptions {
  int channels = 256;
  int depth = 4;         ///< 3x3 convolutions a tower
  int norm_groups = 32;  ///< of the towers' group norm; lowered to a divisor of `channels`
  int reg_max = 16;      ///< R: distances 0..R strides in R+1 bins
  LiftingOptions lifting;
};

struct ModelOptions {
  BackboneOptions backbone;
  NeckOptions neck;
  HeadOptions head;
};

void bind(OptionSection section, ModelOptions& options);

/// Error: an option out of its range, or options that do not go together. For options that did not come through a
/// table.
void check(const ModelOptions& options);

/// Names that `backbone.name` takes.
const std::vector<std::string>& backbone_names();

}  // namespace skylift
