#include "skylift/losses/detection_loss.h"

#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include <algorithm>

#include "skylift/boxes/boxes.h"
#include "skylift/dist/processes.h"
#include "skylift/losses/distribution_focal.h"
#include "skylift/losses/giou.h"
#include "skylift/losses/point_gather.h"
#include "skylift/losses/quality_focal.h"

namespace skylift {
namespace {

/// The positives in stride units.
struct Positives {
  at::Tensor points;       // [P,2]
  at::Tensor box_logits;   // [P,4,R+1]
  at::Tensor boxes_xyxy;   // [P,4] decoded
  at::Tensor target_xyxy;  // [P,4]
};

Positives decode_positives(const DenseOutput& student, const PointGrid& grid, const Assignment& assignment) {
  Positives positives;
  const at::Tensor strides = grid.strides.index_select(0, assignment.point).unsqueeze(1);
  positives.points = grid.centres.index_select(0, assignment.point) / strides;
  positives.box_logits =
      gather_box_logits(PointGather(grid, assignment.image, assignment.point, assignment.positives_per_level), student);
  positives.boxes_xyxy = boxes_from_distances(positives.points, integral(positives.box_logits, student.reg_max));
  positives.target_xyxy = assignment.boxes_xyxy / strides;
  return positives;
}

/// Sum over points and classes of the quality focal loss.
at::Tensor cls_sum(const at::Tensor& cls_logits, const Assignment& assignment, const at::Tensor& quality, double beta) {
  at::Tensor weights = assignment.weights;
  if (!assignment.labelled.empty()) {
    const std::vector<float> counts(assignment.labelled.begin(), assignment.labelled.end());
    weights = weights * at::tensor(counts, at::kFloat).to(weights.device()).unsqueeze(1);
  }
  at::Tensor targets = at::zeros_like(cls_logits);  // [B,A,C]
  targets.index_put_({assignment.image, assignment.point, assignment.labels}, quality.to(targets.scalar_type()));
  return (quality_focal_loss(cls_logits, targets, beta) * weights.unsqueeze(2)).sum();
}

/// Sum over positives of w_i times the distribution focal loss, averaged over the sides.
at::Tensor bins_sum(const Positives& positives, const at::Tensor& weights) {
  const at::Tensor distances = distances_from_boxes(positives.points, positives.target_xyxy);  // [P,4]
  const at::Tensor loss = distribution_focal_loss(positives.box_logits.flatten(0, 1), distances.flatten());
  return (loss.view({-1, 4}).mean(1) * weights).sum();
}

}  // namespace

void bind(OptionSection section, DetectionLossOptions& options) {
  section.add("cls_weight", options.cls_weight, "weight of the quality focal loss", at_least(0));
  section.add("cls_beta", options.cls_beta, "exponent of its modulating factor", at_least(0));
  section.add("box_weight", options.box_weight, "weight of the GIoU loss", at_least(0));
  section.add("bins_weight", options.bins_weight, "weight of the distribution focal loss", at_least(0));
}

LossTerms detection_loss(const DenseOutput& student, const PointGrid& grid, const Assignment& assignment,
                         const DetectionLossOptions& options) {
  const at::Tensor cls_logits = flat_cls_logits(student);  // [B,A,C]
  const Positives positives = decode_positives(student, grid, assignment);
  const at::Tensor quality = aligned_iou(positives.boxes_xyxy.detach(), positives.target_xyxy).clamp(0, 1);
  const at::Tensor weights = cls_logits.detach().index({assignment.image, assignment.point}).sigmoid().amax(1);
  const at::Tensor weight_sum = sum_over_processes(weights.sum()).clamp_min(1);

  const at::Tensor cls = cls_sum(cls_logits, assignment, quality, options.cls_beta) / positive_count(assignment);
  const at::Tensor box = (giou_loss(positives.boxes_xyxy, positives.target_xyxy) * weights).sum() / weight_sum;
  const at::Tensor bins = bins_sum(positives, weights) / weight_sum;
  return {{"loss_cls", options.cls_weight * cls},
          {"loss_box", options.box_weight * box},
          {"loss_bins", options.bins_weight * bins}};
}

}  // namespace skylift
