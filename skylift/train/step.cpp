#include "skylift/train/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/dist/processes.h"
#include "skylift/train/signal_cache.h"

namespace skylift {
namespace {

/// Maps that no method reads would only lie there until the backward pass.
DenseOutput taught(const StepContext& context, const Batch& batch) {
  DenseOutput output = context.teacher->forward(batch);
  if (!context.distiller->reads_features()) {
    for (LevelOutput& level : output.levels) level.feature = at::Tensor();
  }
  return output;
}

}  // namespace

StepForward forward_and_assign(const StepContext& context, const Batch& batch) {
  DenseOutput student, teacher;
  if (context.distils()) teacher = context.cache ? context.cache->shape() : taught(context, batch);
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
    for (LossTerm& term : (*context.distiller)(inputs, total_of(terms).detach())) terms.push_back(std::move(term));
  }
  return terms;
}

at::Tensor total_of(const LossTerms& terms) {
  at::Tensor total = terms.front().value;
  for (size_t i = 1; i < terms.size(); ++i) total = total + terms[i].value;
  return total;
}

MetricValues loss_values(const std::vector<LossTerms>& batches) {
  const LossTerms& terms = batches.front();  // of all batches alike
  std::vector<at::Tensor> values;
  for (const LossTerms& batch : batches) {
    for (const LossTerm& term : batch) values.push_back(term.value.detach().to(at::kDouble));
  }
  const auto count = static_cast<int64_t>(batches.size());
  const at::Tensor mean = at::stack(values).view({count, -1}).mean(0).cpu();  // one wait for the device
  const double* own = mean.const_data_ptr<double>();
  const std::vector<double> all = sum_over_processes(std::vector<double>(own, own + terms.size()));
  MetricValues named = {{"loss", 0}};
  double detection = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (!std::isfinite(all[i])) {
      throw Diverged(
          "training: the term '{}' is {}, expected a finite number (hint: a lower learning rate, a longer warm-up, or "
          "a lower weight of this term)",
          terms[i].name, all[i]);
    }
    named.emplace_back(terms[i].name, all[i]);
    named.front().second += all[i];
    if (terms[i].kind == TermKind::detection) detection += all[i];
  }
  for (size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].kind == TermKind::distillation)
      named.emplace_back("ratio_" + terms[i].name, all[i] / std::max(detection, 1e-12));
  }
  return named;
}

}  // namespace skylift
