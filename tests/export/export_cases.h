// The detectors that the tests of the export go through.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "skylift/models/model_file.h"
#include "tests/models/model_fixtures.h"

namespace skylift {

/// Nothing at its start value, so that every parameter and running statistic has a part in the outputs.
inline void randomise(torch::nn::Module& module, int seed) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(seed);
  for (auto& item : module.named_parameters()) {
    at::Tensor& parameter = item.value();
    if (parameter.dim() == 1)
      parameter.copy_(torch::rand_like(parameter) + 0.5);
    else
      parameter.copy_(torch::randn_like(parameter) / std::sqrt(static_cast<double>(parameter[0].numel())));
  }
  for (auto& item : module.named_buffers()) {
    if (item.value().is_floating_point()) item.value().copy_(torch::rand_like(item.value()) + 0.5);
  }
}

inline Model random_model(const ModelOptions& options, int class_count = 3, int seed = 7) {
  Model model;
  model.detector = seeded_detector(options, class_count, seed);
  randomise(*model.detector, seed);
  model.detector->eval();
  model.card.options = options;
  for (int i = 0; i < class_count; ++i) model.card.classes.push_back("class " + std::to_string(i));
  model.card.recipe = "[train]\nepochs = 1\n";
  return model;
}

inline std::vector<std::pair<std::string, ModelOptions>> export_cases() {
  std::vector<std::pair<std::string, ModelOptions>> cases;
  const auto add = [&](const std::string& name, const auto& change) {
    ModelOptions options = tiny_options();
    change(options);
    cases.emplace_back(name, options);
  };
  for (const auto& backbone : backbone_names()) {
    add(backbone, [&](ModelOptions& options) { options.backbone.name = backbone; });
  }
  add("five_levels", [](ModelOptions& options) { options.neck.last_level = 7; });
  add("from_stride_4", [](ModelOptions& options) { options.neck.first_level = 2; });
  add("light_ml", [](ModelOptions& options) { options.head.lifting.enabled = true; });
  add("light_ml_3x3", [](ModelOptions& options) { options.head.lifting = {.enabled = true, .kernel = 3}; });
  add("light_ml_norm",
      [](ModelOptions& options) { options.head.lifting = {.enabled = true, .norm = "gn", .activation = "relu"}; });
  add("light_ml_training_only",
      [](ModelOptions& options) { options.head.lifting = {.enabled = true, .training_only = true}; });
  return cases;
}

}  // namespace skylift
