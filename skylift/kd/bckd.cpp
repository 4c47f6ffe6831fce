#include "skylift/kd/bckd.h"

#include <ATen/Functions.h>

#include "skylift/boxes/boxes.h"
#include "skylift/kd/method.h"
#include "skylift/losses/giou.h"
#include "skylift/losses/quality_focal.h"

namespace skylift {
namespace {

/// sum(weights * losses) / N of the file's head. losses, weights: [N].
at::Tensor normalised_sum(const DistillStep& step, const at::Tensor& losses, const at::Tensor& weights) {
  if (!step.default_region()) return weighted_mean(losses, weights);
  return (losses * weights).sum() / distilled_count(step.inputs.assignment);
}

/// [N,4] boxes at a region's locations in stride units, relative to the location.
at::Tensor relative_boxes(const at::Tensor& distances) {
  return boxes_from_distances(at::zeros({distances.size(0), 2}, distances.options()), distances);
}

}  // namespace

void bind(OptionSection section, BckdOptions& options) {
  section.add("cls_weight", options.cls_weight, "weight of the class term", at_least(0));
  section.add("box_weight", options.box_weight, "weight of the box term", at_least(0));
  section.add("beta", options.beta, "exponent of the factor |teacher - student|", between(0, 10));
}

void add_bckd_terms(DistillStep& step) {
  const BckdOptions& options = step.options.of<BckdOptions>();
  if (options.cls_weight == 0 && options.box_weight == 0) return;
  const std::string where = step.region_or("all");
  const Region& region = step.regions.region(where);
  const at::Tensor& student = step.regions.student_cls(where);
  const at::Tensor teacher = step.regions.teacher_cls(where).sigmoid();
  step.add("kd_bckd_cls", options.cls_weight, [&] {
    return normalised_sum(step, quality_focal_loss(student, teacher, options.beta).sum(1), region.weights);
  });
  step.add("kd_bckd_box", options.box_weight, [&] {
    const at::Tensor gap = (teacher - student.detach().sigmoid()).abs().amax(1);
    const at::Tensor loss = giou_loss(relative_boxes(step.regions.student_distances(where)),
                                      relative_boxes(step.regions.teacher_distances(where)));
    return normalised_sum(step, loss * gap, step.regions.box_weights(where));
  });
}

}  // namespace skylift
