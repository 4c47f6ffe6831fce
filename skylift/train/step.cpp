#include "skylift/train/step.h"

#include <ATen/ATen.h>

#include <cmath>

#include "skylift/core/error.h"

namespace skylift {
namespace {

DenseOutput teacher_forward(Detector& teacher, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  return teacher.forward(images);
}

}  // namespace

LossTerms loss_terms(const StepContext& context, const Batch& batch) {
  const bool distils = context.distiller && context.distiller->active();
  DenseOutput student, teacher;
  {
    const AutocastScope autocast(context.compute);
    if (distils) teacher = teacher_forward(*context.teacher, batch.images);
    student = context.student.forward(batch.images);
  }
  const PointGrid grid = point_grid(student);
  const Assignment assignment = assign_atss(grid, batch.targets, batch.geometries, context.assign);
  LossTerms terms = detection_loss(student, grid, assignment, context.loss);
  if (distils) {
    const DistillInputs inputs{batch, grid, assignment, student, teacher};
    for (LossTerm& term : (*context.distiller)(inputs)) terms.push_back(std::move(term));
  }
  return terms;
}

SummedLoss sum_finite(const LossTerms& terms) {
  SummedLoss sum;
  std::vector<at::Tensor> values;
  for (const LossTerm& term : terms) {
    sum.total = sum.total.defined() ? sum.total + term.value : term.value;
    values.push_back(term.value.detach().to(at::kDouble));
  }
  const at::Tensor on_cpu = at::stack(values).cpu();  // one wait for the device
  sum.values.emplace_back("loss", 0);
  for (size_t i = 0; i < terms.size(); ++i) {
    const double value = on_cpu[static_cast<int64_t>(i)].item<double>();
    if (!std::isfinite(value)) {
      throw Error(
          "training: the term '{}' is {}, expected a finite number (hint: a lower learning rate, a longer warm-up, or "
          "a lower "
          "weight of this term)",
          terms[i].name, value);
    }
    sum.values.emplace_back(terms[i].name, value);
    sum.values.front().second += value;
  }
  return sum;
}

}  // namespace skylift
