#include "skylift/kd/common_classes.h"

#include <ATen/Functions.h>

namespace skylift {
namespace {

void keep_channels(DenseOutput& output, const at::Tensor& known) {
  const at::Tensor classes = known.to(output.levels.front().cls_logits.device());
  for (LevelOutput& level : output.levels) level.cls_logits = level.cls_logits.index_select(1, classes);
}

}  // namespace

ClassSubset::ClassSubset(const DistillInputs& inputs)
    : batch(inputs.batch),
      grid(inputs.grid),
      assignment(inputs.assignment),
      student(inputs.student),
      teacher(inputs.teacher),
      stored(inputs.stored) {
  const at::Tensor known = teacher.known_classes;
  if (!known.defined()) return;
  const int64_t classes = student.levels.front().cls_logits.size(1);
  keep_channels(student, known);
  keep_channels(teacher, known);
  const at::Tensor place = at::full({classes}, -1, at::kLong);
  place.index_copy_(0, known, at::arange(known.size(0), known.options()));
  for (Targets& targets : batch.targets) targets.labels = place.index_select(0, targets.labels);
}

}  // namespace skylift
