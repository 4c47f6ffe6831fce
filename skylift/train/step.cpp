#include "skylift/train/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/dist/processes.h"
#include "skylift/train/signal_cache.h"

namespace skylift {
namespace {

/// Sum of the terms, without gradient.
at::Tensor detached_sum(const LossTerms& terms) {
  at::Tensor sum = terms.front().value.detach();
  for (size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i].value.detach();
  return sum;
}

}  // namespace

StepForward forward_and_assign(const StepContext& context, const Batch& batch) {
  DenseOutput student, teacher;
  if (context.distils()) teacher = context.cache ? context.cache->shape() : context.teacher->forward(batch);
  {
    const AutocastScope autocast(context.compute);
    student = context.student.forward(batch.images);
  }
  return assigned(std::move(student), std::move(teacher), batch, context.assign);
}

StepForward assigned(DenseOutput student, DenseOutput teacher, const Batch& batch, const AtssOptions& options) {
  StepForward step{.student = std::move(student), .teacher = std::move(teacher), .grid = {}, .assignment = {}};
  step.grid = point_grid(step.student);
  step.assignment = assign_atss(step.grid, batch.targets, batch.geometries, options);
  step.assignment.labelled = batch.labelled;
  return step;
}

LossTerms loss_terms(const StepContext& context, const Batch& batch) {
  const StepForward step = forward_and_assign(context, batch);
  LossTerms terms = detection_loss(step.student, step.grid, step.assignment, context.loss);
  if (context.distils()) {
    const StoredBatch stored = context.cache ? context.cache->read(batch) : StoredBatch{};
    const DistillInputs inputs = step.inputs(batch, context.cache ? &stored : nullptr);
    for (LossTerm& term : (*context.distiller)(inputs, detached_sum(terms))) terms.push_back(std::move(term));
  }
  return terms;
}

SummedLoss sum_finite(const LossTerms& terms, double share) {
  SummedLoss sum;
  std::vector<at::Tensor> values;
  for (const LossTerm& term : terms) {
    sum.total = sum.total.defined() ? sum.total + term.value : term.value;
    values.push_back(term.value.detach().to(at::kDouble));
  }
  if (share != 1) sum.total = sum.total * share;
  const at::Tensor on_cpu = at::stack(values).cpu();  // one wait for the device
  const double* own = on_cpu.const_data_ptr<double>();
  const std::vector<double> all = sum_over_processes(std::vector<double>(own, own + terms.size()));
  sum.values.emplace_back("loss", 0);
  double detection = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const double value = all[i] * share;
    if (!std::isfinite(value)) {
      throw Diverged(
          "training: the term '{}' is {}, expected a finite number (hint: a lower learning rate, a longer warm-up, or "
          "a lower weight of this term)",
          terms[i].name, value);
    }
    sum.values.emplace_back(terms[i].name, value);
    sum.values.front().second += value;
    if (terms[i].kind == TermKind::detection) detection += value;
  }
  for (size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].kind == TermKind::distillation)
      sum.values.emplace_back("ratio_" + terms[i].name, sum.values[i + 1].second / std::max(detection, 1e-12) * share);
  }
  return sum;
}

void add_values(SummedLoss& step, const SummedLoss& batch) {
  if (step.values.empty()) {
    step.values = batch.values;
    return;
  }
  for (size_t i = 0; i < step.values.size(); ++i) step.values[i].second += batch.values[i].second;
}

}  // namespace skylift
