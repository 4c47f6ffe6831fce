#include "skylift/teachers/dense_maps.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/boxes/boxes.h"
#include "skylift/boxes/point_grid.h"

namespace skylift {
namespace {

constexpr double kLeastScore = 1e-4;  // what no score tells apart, and no logit runs away from
constexpr double kNoPart = 1e-12;     // probability of a bin that has none

at::Tensor fitted(at::Tensor map, int64_t height, int64_t width) {
  map = map.slice(2, 0, height).slice(3, 0, width);
  if (map.size(2) == height && map.size(3) == width) return map;
  return at::constant_pad_nd(map, {0, width - map.size(3), 0, height - map.size(2)}, 0);
}

}  // namespace

at::Tensor cell_points(int64_t height, int64_t width, int stride, double shift, const at::TensorOptions& options) {
  const at::Tensor y = ((at::arange(height, options) + shift) * stride).view({height, 1}).expand({height, width});
  const at::Tensor x = ((at::arange(width, options) + shift) * stride).view({1, width}).expand({height, width});
  return at::stack({x, y}).unsqueeze(0);
}

at::Tensor two_bins(const at::Tensor& distances, int reg_max) {
  const at::Tensor within = at::nan_to_num(distances, 0).clamp(0, reg_max);
  const at::Tensor lower = within.floor().clamp_max(reg_max - 1), part = (within - lower).unsqueeze(-1);
  const at::Tensor bins = at::arange(reg_max + 1, distances.options()), first = lower.unsqueeze(-1);
  const at::Tensor probability = bins.eq(first).to(distances.dtype()) * (1 - part) + bins.eq(first + 1) * part;
  return probability.clamp_min(kNoPart).log();
}

DenseOutput dense_output(const DecodedMaps& maps, int64_t height, int64_t width, int reg_max) {
  DenseOutput output;
  output.reg_max = reg_max;
  output.strides = maps.strides;
  for (size_t i = 0; i < maps.strides.size(); ++i) {
    const int stride = maps.strides[i];
    const auto [rows, columns] = level_size(height, width, stride);
    const at::Tensor scores = at::nan_to_num(fitted(maps.scores[i], rows, columns), 0);
    const at::Tensor boxes = fitted(maps.boxes[i], rows, columns);
    const at::Tensor points = cell_points(rows, columns, stride, 0, boxes.options());
    const at::Tensor distances = at::cat({points - boxes.slice(1, 0, 2), boxes.slice(1, 2, 4) - points}, 1) / stride;
    LevelOutput level;
    level.cls_logits = scores.clamp(kLeastScore, 1 - kLeastScore).logit();
    level.box_logits = two_bins(distances, reg_max).permute({0, 1, 4, 2, 3}).flatten(1, 2).contiguous();
    if (!maps.known.empty()) level.box_known = fitted(maps.known[i], rows, columns);
    output.levels.push_back(std::move(level));
  }
  return output;
}

DecodedMaps decoded(const DenseOutput& output) {
  DecodedMaps maps;
  maps.strides = output.strides;
  for (size_t i = 0; i < output.levels.size(); ++i) {
    const LevelOutput& level = output.levels[i];
    const at::Tensor logits = level.box_logits.to(at::kFloat);
    const int64_t images = logits.size(0), rows = logits.size(2), columns = logits.size(3);
    const at::Tensor distances = integral(logits.permute({0, 2, 3, 1}).contiguous(), output.reg_max)
                                     .view({images, rows, columns, 4})
                                     .permute({0, 3, 1, 2}) *
                                 output.strides[i];
    const at::Tensor points = cell_points(rows, columns, output.strides[i], 0, distances.options());
    maps.scores.push_back(level.cls_logits.to(at::kFloat).sigmoid());
    maps.boxes.push_back(at::cat({points - distances.slice(1, 0, 2), points + distances.slice(1, 2, 4)}, 1));
  }
  return maps;
}

}  // namespace skylift
