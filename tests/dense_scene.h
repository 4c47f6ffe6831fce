// Random dense outputs for tests: small maps, any number of levels, repeatable.
#pragma once

#include <torch/torch.h>

#include <utility>
#include <vector>

#include "skylift/models/dense_output.h"

namespace skylift::testing {

struct DenseShape {
  int64_t images = 2, classes = 3, channels = 4;
  int reg_max = 16;
  std::vector<std::pair<int64_t, int64_t>> sizes = {{16, 16}, {8, 8}, {4, 4}, {2, 2}};
  std::vector<int> strides = {8, 16, 32, 64};
};

inline DenseOutput random_output(const DenseShape& shape, uint64_t seed, at::ScalarType type = at::kFloat) {
  torch::manual_seed(seed);
  DenseOutput output;
  output.strides = shape.strides;
  output.reg_max = shape.reg_max;
  for (const auto& [height, width] : shape.sizes) {
    const auto map = [&, h = height, w = width](int64_t channels) {
      return torch::randn({shape.images, channels, h, w}, type);
    };
    LevelOutput level;
    level.feature = map(shape.channels);
    level.cls_logits = map(shape.classes) - 1;
    level.box_logits = map(4 * (shape.reg_max + 1));
    output.levels.push_back(level);
  }
  return output;
}

/// All class logits, then all box logits, as one vector: the input of gradient checks.
inline at::Tensor pack_logits(const DenseOutput& output) {
  std::vector<at::Tensor> parts;
  for (const LevelOutput& level : output.levels) parts.push_back(level.cls_logits.reshape({-1}));
  for (const LevelOutput& level : output.levels) parts.push_back(level.box_logits.reshape({-1}));
  return torch::cat(parts);
}

/// The same output with its logits read from such a vector.
inline DenseOutput with_logits(DenseOutput output, const at::Tensor& packed) {
  int64_t begin = 0;
  const auto take = [&](at::Tensor& map) {
    const int64_t count = map.numel();
    map = packed.narrow(0, begin, count).view(map.sizes());
    begin += count;
  };
  for (LevelOutput& level : output.levels) take(level.cls_logits);
  for (LevelOutput& level : output.levels) take(level.box_logits);
  return output;
}

}  // namespace skylift::testing
