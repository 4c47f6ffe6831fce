// Small detectors for the tests.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "skylift/models/detector.h"

namespace skylift {

inline ModelOptions tiny_options() {
  ModelOptions options;
  options.backbone.width = 0.125;
  options.neck.channels = 16;
  options.neck.last_level = 5;
  options.head = {.channels = 16, .depth = 2, .norm_groups = 4, .reg_max = 7, .lifting = {}};
  return options;
}

/// The same seed gives the same parameters.
inline std::shared_ptr<Detector> seeded_detector(const ModelOptions& options, int class_count = 3, int seed = 7) {
  torch::manual_seed(seed);
  return std::make_shared<Detector>(options, class_count);
}

inline at::Tensor random_images(int64_t count, int64_t height, int64_t width, int seed = 1) {
  torch::manual_seed(seed);
  return torch::randn({count, 3, height, width});
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : std::numeric_limits<double>::infinity();
}

}  // namespace skylift
