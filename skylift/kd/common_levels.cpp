#include "skylift/kd/common_levels.h"

#include <ATen/Functions.h>

#include <algorithm>

namespace skylift {
namespace {

bool contains(const std::vector<int>& strides, int stride) {
  return std::find(strides.begin(), strides.end(), stride) != strides.end();
}

DenseOutput levels_of(const DenseOutput& output, const std::vector<int>& strides) {
  DenseOutput subset;
  subset.strides = strides;
  subset.reg_max = output.reg_max;
  if (output.levels.empty()) return subset;  // a teacher whose signals are stored
  for (const int stride : strides) {
    const auto place = std::find(output.strides.begin(), output.strides.end(), stride) - output.strides.begin();
    subset.levels.push_back(output.levels[static_cast<size_t>(place)]);
  }
  return subset;
}

/// [A'] indices of the points on these levels.
at::Tensor kept_points(const PointGrid& grid, const std::vector<int>& strides) {
  std::vector<at::Tensor> parts;
  for (const GridLevel& level : grid.levels) {
    if (contains(strides, level.stride)) {
      parts.push_back(at::arange(level.offset, level.offset + level.count(),
                                 at::TensorOptions(at::kLong).device(grid.centres.device())));
    }
  }
  return at::cat(parts);
}

Assignment on_points(const Assignment& full, const at::Tensor& kept, int64_t point_count) {
  at::Tensor new_index = at::full({point_count}, -1, kept.options());
  new_index.index_copy_(0, kept, at::arange(kept.size(0), kept.options()));
  const at::Tensor point = new_index.index_select(0, full.point);
  const at::Tensor rows = point.ge(0).nonzero().squeeze(1);
  const auto pick = [&](const at::Tensor& column) { return column.index_select(0, rows); };
  Assignment part;
  part.image = pick(full.image);
  part.point = pick(point);
  part.object = pick(full.object);
  part.labels = pick(full.labels);
  part.boxes_xyxy = pick(full.boxes_xyxy);
  part.weights = full.weights.index_select(1, kept);
  part.thresholds = full.thresholds;
  part.labelled = full.labelled;
  part.positives_per_image = full.positives_per_image;  // N_pos is the detection loss's, whatever is shared
  return part;
}

}  // namespace

std::vector<int> common_strides(const std::vector<int>& student, const std::vector<int>& teacher) {
  std::vector<int> common;
  for (const int stride : student) {
    if (contains(teacher, stride)) common.push_back(stride);
  }
  return common;
}

LevelSubset::LevelSubset(const DistillInputs& inputs, const std::vector<int>& strides)
    : batch(inputs.batch),
      student(levels_of(inputs.student, strides)),
      teacher(levels_of(inputs.teacher, strides)),
      stored(inputs.stored) {
  if (strides == inputs.student.strides) {  // all of them
    grid = inputs.grid;
    assignment = inputs.assignment;
    return;
  }
  grid = point_grid(student);
  assignment = on_points(inputs.assignment, kept_points(inputs.grid, strides), inputs.grid.count());
}

}  // namespace skylift
