#include "skylift/kd/logit_kd.h"

#include <ATen/Functions.h>

#include "skylift/dist/processes.h"
#include "skylift/kd/divergence.h"
#include "skylift/kd/method.h"

namespace skylift {

void bind(OptionSection section, LogitKdOptions& options) {
  section.add("form", options.form, "one sigmoid a class, or a softmax over the classes",
              one_of({"bernoulli", "softmax"}));
  section.add("weight", options.weight, "weight of the term", at_least(0));
  section.add("temperature", options.temperature, "softens the scores of both", between(0.1, 100));
}

void add_logit_kd_terms(DistillStep& step) {
  const LogitKdOptions& options = step.options.of<LogitKdOptions>();
  step.add("kd_logit", options.weight, [&] {
    const std::string region = step.region_or("positives");
    const at::Tensor &student = step.regions.student_cls(region), &teacher = step.regions.teacher_cls(region);
    const at::Tensor losses = options.form == "softmax" ? softmax_kl(student, teacher, options.temperature)
                                                        : bernoulli_kl(student, teacher, options.temperature).sum(1);
    const at::Tensor& weights = step.regions.region(region).weights;
    if (!step.authors_form()) return weighted_mean(losses, weights);
    const at::Tensor level = levels_of_points(step.inputs.grid, step.regions.region(region).point);
    const auto levels = static_cast<int64_t>(step.inputs.grid.levels.size());
    const at::Tensor counts = sum_over_processes(at::bincount(level, {}, levels));
    const at::Tensor count = counts.index_select(0, level);  // [N] locations of the row's level
    return (losses * weights / (count * student.size(1))).sum();
  });
}

}  // namespace skylift
