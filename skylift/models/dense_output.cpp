#include "skylift/models/dense_output.h"

#include <ATen/Functions.h>

#include "skylift/boxes/in_float.h"

namespace skylift {
namespace {

/// [B,N,H,W] -> [B,H*W,N] in float (double stays, for gradient checks); a view where nothing has to be converted.
at::Tensor points_first(const at::Tensor& map) {
  const at::Tensor rows = map.permute({0, 2, 3, 1}).flatten(1, 2);
  return in_float(rows);
}

at::Tensor flat(const DenseOutput& output, at::Tensor LevelOutput::*logits) {
  std::vector<at::Tensor> parts;
  for (const auto& level : output.levels) parts.push_back(points_first(level.*logits));
  return at::cat(parts, 1);
}

at::Tensor as_sides(const at::Tensor& flat_boxes, int reg_max) {
  return flat_boxes.view({flat_boxes.size(0), flat_boxes.size(1), 4, reg_max + 1});
}

}  // namespace

PointGrid point_grid(const DenseOutput& output) {
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (const auto& level : output.levels) sizes.emplace_back(level.cls_logits.size(2), level.cls_logits.size(3));
  return make_point_grid(sizes, output.strides, output.levels.front().cls_logits.device());
}

at::Tensor flat_cls_logits(const DenseOutput& output) { return flat(output, &LevelOutput::cls_logits); }

at::Tensor flat_box_logits(const DenseOutput& output) {
  return as_sides(flat(output, &LevelOutput::box_logits), output.reg_max);
}

}  // namespace skylift
