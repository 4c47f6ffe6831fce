#include "skylift/kd/common_inputs.h"

#include <ATen/Functions.h>

#include <algorithm>

namespace skylift {
namespace {

bool contains(const std::vector<int>& strides, int stride) {
  return std::find(strides.begin(), strides.end(), stride) != strides.end();
}

DenseOutput levels_of(const DenseOutput& output, const std::vector<int>& strides) {
  DenseOutput subset{
      .levels = {}, .strides = strides, .reg_max = output.reg_max, .known_classes = output.known_classes};
  if (output.levels.empty()) return subset;  // a teacher whose signals are stored
  for (const int stride : strides) {
    const auto place = std::find(output.strides.begin(), output.strides.end(), stride) - output.strides.begin();
    subset.levels.push_back(output.levels[static_cast<size_t>(place)]);
  }
  return subset;
}

/// Of stored signals nothing: they hold the known classes only.
void keep_channels(DenseOutput& output, const at::Tensor& known) {
  for (LevelOutput& level : output.levels)
    level.cls_logits = level.cls_logits.index_select(1, known.to(level.cls_logits.device()));
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

CommonInputs::CommonInputs(const DistillInputs& inputs)
    : batch_(inputs.batch),
      grid_(inputs.grid),
      assignment_(inputs.assignment),
      student_(inputs.student),
      teacher_(inputs.teacher),
      stored_(inputs.stored) {
  if (teacher_.known_classes.defined()) keep_known_classes(teacher_.known_classes);
  if (student_.strides != teacher_.strides) keep_levels(common_strides(student_.strides, teacher_.strides));
}

void CommonInputs::keep_known_classes(const at::Tensor& known) {
  const at::Tensor place = at::full({student_.levels.front().cls_logits.size(1)}, -1, at::kLong);
  place.index_copy_(0, known, at::arange(known.size(0), known.options()));
  keep_channels(student_, known);
  keep_channels(teacher_, known);
  for (Targets& targets : batch_.targets) targets.labels = place.index_select(0, targets.labels);
  assignment_.labels = place.to(assignment_.labels.device()).index_select(0, assignment_.labels);
}

void CommonInputs::keep_levels(const std::vector<int>& strides) {
  const bool all = strides == student_.strides;
  student_ = levels_of(student_, strides);
  teacher_ = levels_of(teacher_, strides);
  if (all) return;
  assignment_ = on_points(assignment_, kept_points(grid_, strides), grid_.count());
  grid_ = point_grid(student_);
}

}  // namespace skylift
