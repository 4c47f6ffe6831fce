#include "skylift/models/dense_output.h"

#include <ATen/Functions.h>

namespace skylift {
namespace {

/// [B,K,H,W] -> [B,H*W,K] in float; a view where nothing has to be converted.
at::Tensor flat(const at::Tensor& map) {
  const at::Tensor rows = map.permute({0, 2, 3, 1}).flatten(1, 2);
  return rows.scalar_type() == at::kDouble ? rows : rows.to(at::kFloat);
}

}  // namespace

PointGrid point_grid(const DenseOutput& output) {
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (const LevelOutput& level : output.levels) sizes.emplace_back(level.cls_logits.size(2), level.cls_logits.size(3));
  return make_point_grid(sizes, output.strides, output.levels.front().cls_logits.device());
}

at::Tensor flat_cls_logits(const DenseOutput& output) {
  std::vector<at::Tensor> levels;
  for (const LevelOutput& level : output.levels) levels.push_back(flat(level.cls_logits));
  return at::cat(levels, 1);
}

at::Tensor flat_box_logits(const DenseOutput& output) {
  std::vector<at::Tensor> levels;
  for (const LevelOutput& level : output.levels) levels.push_back(flat(level.box_logits));
  return at::cat(levels, 1).unflatten(2, {4, output.reg_max + 1});
}

}  // namespace skylift
