#include "skylift/kd/cid_loss.h"

#include <ATen/Functions.h>

#include "skylift/kd/divergence.h"
#include "skylift/kd/method.h"
#include "skylift/losses/quality_focal.h"

namespace skylift {

void bind(OptionSection section, CidLossOptions& options) {
  section.add("cls_weight", options.cls_weight, "weight of the class term", at_least(0));
  section.add("box_weight", options.box_weight, "weight of the box term", at_least(0));
  section.add("cls_loss", options.cls_loss, "divergence of sigmoids, or quality focal loss with soft targets",
              one_of({"kl", "quality_focal"}));
  section.add("cls_temperature", options.cls_temperature, "of the divergence of classes", between(0.1, 100));
  section.add("cls_beta", options.cls_beta, "exponent of the quality focal form", between(0, 10));
  section.add("box_temperature", options.box_temperature, "of the divergence of bins", between(0.1, 100));
}

void add_cid_terms(DistillStep& step) {
  const CidLossOptions& options = step.options.of<CidLossOptions>();
  step.add("kd_cid_cls", options.cls_weight, [&] {
    const at::Tensor &student = step.regions.student_cls("cid"), &teacher = step.regions.teacher_cls("cid");
    const at::Tensor losses = options.cls_loss == "kl"
                                  ? bernoulli_kl(student, teacher, options.cls_temperature)
                                  : quality_focal_loss(student, teacher.sigmoid(), options.cls_beta);
    return weighted_mean(losses.sum(1), step.regions.region("cid").weights);
  });
  step.add("kd_cid_box", options.box_weight, [&] {
    const at::Tensor &student = step.regions.student_box("cid"), &teacher = step.regions.teacher_box("cid");
    return weighted_mean(softmax_kl(student, teacher, options.box_temperature).sum(1),
                         step.regions.region("cid").box_weights);
  });
}

}  // namespace skylift
