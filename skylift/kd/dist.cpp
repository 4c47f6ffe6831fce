#include "skylift/kd/dist.h"

#include <ATen/Functions.h>

#include <cmath>

#include "skylift/dist/processes.h"
#include "skylift/kd/method.h"

namespace skylift {
namespace {

/// Correlation along a dimension of two centred tensors.
at::Tensor correlation(const at::Tensor& a, const at::Tensor& b, int64_t dim) {
  return (a * b).sum(dim) / (a.norm(2, dim) * b.norm(2, dim) + 1e-8);
}

}  // namespace

at::Tensor dist_inter(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& weights) {
  const at::Tensor t = teacher.detach();
  return weighted_mean(1 - correlation(student - student.mean(1, true), t - t.mean(1, true), 1), weights);
}

at::Tensor dist_intra(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& weights) {
  const at::Tensor share = (weights / weights.sum().clamp_min(1e-12)).unsqueeze(1).to(student.scalar_type());  // [N,1]
  const auto centred = [&](const at::Tensor& rows) { return (rows - (rows * share).sum(0, true)) * share.sqrt(); };
  // The shares sum to 1; without the factor below the 1e-8 of the correlation would weigh more than it does in the
  // paper.
  const double root_count = std::sqrt(static_cast<double>(student.size(0)));
  return (1 - correlation(centred(student) * root_count, centred(teacher.detach()) * root_count, 0)).mean() /
         process_count();
}

void bind(OptionSection section, DistOptions& options) {
  section.add("inter_weight", options.inter_weight, "weight of the correlation between the classes of a location",
              at_least(0));
  section.add("intra_weight", options.intra_weight, "weight of the correlation between the locations of a class",
              at_least(0));
  section.add("temperature", options.temperature, "softens the softmax over classes", between(0.1, 100));
}

void add_dist_terms(DistillStep& step) {
  const DistOptions& options = step.options.of<DistOptions>();
  if (options.inter_weight == 0 && options.intra_weight == 0) return;
  const std::string where = step.region_or("positives");
  const at::Tensor& weights = step.regions.region(where).weights;
  const at::Tensor student = (step.regions.student_cls(where) / options.temperature).softmax(1),
                   teacher = (step.regions.teacher_cls(where) / options.temperature).softmax(1);
  const double factor = options.temperature * options.temperature;
  const at::Tensor none = student.sum() * 0;
  step.add("kd_dist_inter", options.inter_weight,
           [&] { return student.size(1) < 3 ? none : dist_inter(student, teacher, weights) * factor; });
  step.add("kd_dist_intra", options.intra_weight,
           [&] { return student.size(0) < 2 ? none : dist_intra(student, teacher, weights) * factor; });
}

}  // namespace skylift
