#include "skylift/kd/ld.h"

#include <ATen/Functions.h>

#include "skylift/kd/divergence.h"
#include "skylift/kd/method.h"

namespace skylift {
namespace {

/// [N] T^2 * KL summed over sides and bins.
at::Tensor location_losses(DistillStep& step, const std::string& region) {
  return softmax_kl(step.regions.student_box(region), step.regions.teacher_box(region),
                    step.options.of<LdOptions>().temperature)
      .sum(1);
}

/// `authors_divisor`: 4 or 16.
at::Tensor ld_loss(DistillStep& step, const std::string& region, const at::Tensor& weights, double authors_divisor) {
  const at::Tensor losses = location_losses(step, region);
  if (!step.authors_form()) return weighted_mean(losses, weights);
  const double bins = step.inputs.student.reg_max + 1;
  return (losses * weights).sum() / (bins * authors_divisor);
}

}  // namespace

void bind(OptionSection section, LdOptions& options) {
  section.add("main_weight", options.main_weight, "weight at the positives, or in the region that kd.region names",
              at_least(0));
  section.add("vlr_weight", options.vlr_weight, "weight in the valuable localisation region", at_least(0));
  section.add("temperature", options.temperature, "softens the distributions of both", between(0.1, 100));
}

void add_ld_terms(DistillStep& step) {
  const LdOptions& options = step.options.of<LdOptions>();
  if (!step.default_region()) {
    const std::string& region = step.region;
    step.add("kd_ld", options.main_weight,
             [&] { return ld_loss(step, region, step.regions.region(region).box_weights, 4); });
    return;
  }
  step.add("kd_ld_main", options.main_weight, [&] {
    const at::Tensor scores = step.regions.student_cls("positives").detach().sigmoid().amax(1);
    return ld_loss(step, "positives", scores, 4);
  });
  step.add("kd_ld_vlr", options.vlr_weight,
           [&] { return ld_loss(step, "vlr", step.regions.region("vlr").box_weights, 16); });
}

}  // namespace skylift
