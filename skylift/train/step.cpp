#include "skylift/train/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/train/signal_cache.h"

namespace skylift {
namespace {

DenseOutput teacher_forward(Detector& teacher, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  return teacher.forward(images);
}

/// Sum of the terms, without gradient.
at::Tensor detached_sum(const LossTerms& terms) {
  at::Tensor sum = terms.front().value.detach();
  for (size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i].value.detach();
  return sum;
}

}  // namespace

LossTerms loss_terms(const StepContext& context, const Batch& batch) {
  const bool distils = context.distiller && context.distiller->active();
  DenseOutput student, teacher;
  {
    const AutocastScope autocast(context.compute);
    if (distils) teacher = context.cache ? context.cache->shape() : teacher_forward(*context.teacher, batch.images);
    student = context.student.forward(batch.images);
  }
  const PointGrid grid = point_grid(student);
  const Assignment assignment = assign_atss(grid, batch.targets, batch.geometries, context.assign);
  LossTerms terms = detection_loss(student, grid, assignment, context.loss);
  if (distils) {
    const StoredBatch stored = context.cache ? context.cache->read(batch) : StoredBatch{};
    const DistillInputs inputs{batch, grid, assignment, student, teacher, context.cache ? &stored : nullptr};
    for (LossTerm& term : (*context.distiller)(inputs, detached_sum(terms))) terms.push_back(std::move(term));
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
      throw Diverged(
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

void append_ratios(std::vector<std::pair<std::string, double>>& values) {
  double detection = 0;
  for (const auto& [name, value] : values) detection += name.starts_with("loss_") ? value : 0;
  const size_t count = values.size();
  for (size_t i = 0; i < count; ++i) {
    if (values[i].first.starts_with("kd_"))
      values.emplace_back("ratio_" + values[i].first, values[i].second / std::max(detection, 1e-12));
  }
}

}  // namespace skylift
