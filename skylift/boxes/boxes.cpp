#include "skylift/boxes/boxes.h"

#include <ATen/Functions.h>

namespace skylift {
namespace {

at::Tensor left_top(const at::Tensor& boxes_xyxy) { return boxes_xyxy.slice(-1, 0, 2); }
at::Tensor right_bottom(const at::Tensor& boxes_xyxy) { return boxes_xyxy.slice(-1, 2, 4); }

/// Width * height of [..., 2] extents.
at::Tensor product(const at::Tensor& extents) { return extents.select(-1, 0) * extents.select(-1, 1); }

/// Areas [N] of the rows' intersection and union.
struct Overlap {
  at::Tensor intersection, joined;
};

Overlap overlap_of_rows(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy) {
  const at::Tensor extents =
      at::minimum(right_bottom(a_xyxy), right_bottom(b_xyxy)) - at::maximum(left_top(a_xyxy), left_top(b_xyxy));
  const at::Tensor intersection = product(extents.clamp_min(0));
  return {intersection, box_area(a_xyxy) + box_area(b_xyxy) - intersection};
}

/// Width and height [N,2] of the smallest box around both.
at::Tensor enclosing_extents(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy) {
  return at::maximum(right_bottom(a_xyxy), right_bottom(b_xyxy)) - at::minimum(left_top(a_xyxy), left_top(b_xyxy));
}

}  // namespace

at::Tensor box_area(const at::Tensor& boxes_xyxy) {
  return product((right_bottom(boxes_xyxy) - left_top(boxes_xyxy)).clamp_min(0));
}

at::Tensor aligned_iou(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon) {
  const auto [intersection, joined] = overlap_of_rows(a_xyxy, b_xyxy);
  return intersection / joined.clamp_min(epsilon);
}

at::Tensor aligned_giou(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon) {
  const auto [intersection, joined] = overlap_of_rows(a_xyxy, b_xyxy);
  const at::Tensor union_area = joined.clamp_min(epsilon);
  const at::Tensor enclosing = product(enclosing_extents(a_xyxy, b_xyxy)).clamp_min(epsilon);
  return intersection / union_area - (enclosing - union_area) / enclosing;
}

at::Tensor aligned_centre_penalty(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon) {
  const at::Tensor offsets = (left_top(a_xyxy) + right_bottom(a_xyxy) - left_top(b_xyxy) - right_bottom(b_xyxy)) / 2;
  const at::Tensor diagonal = enclosing_extents(a_xyxy, b_xyxy).square().sum(-1);
  return offsets.square().sum(-1) / diagonal.clamp_min(epsilon);
}

at::Tensor aligned_iof(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon) {
  return overlap_of_rows(a_xyxy, b_xyxy).intersection / box_area(a_xyxy).clamp_min(epsilon);
}

at::Tensor boxes_from_distances(const at::Tensor& points, const at::Tensor& distances_ltrb) {
  return at::cat({points - left_top(distances_ltrb), points + right_bottom(distances_ltrb)}, -1);
}

at::Tensor distances_from_boxes(const at::Tensor& points, const at::Tensor& boxes_xyxy) {
  return at::cat({points - left_top(boxes_xyxy), right_bottom(boxes_xyxy) - points}, -1);
}

at::Tensor integral(const at::Tensor& box_logits, int64_t reg_max) {
  const at::Tensor probabilities = box_logits.reshape({-1, 4, reg_max + 1}).softmax(-1);
  // A product and a sum rather than a matrix product: autocast would round the latter to 16 bits.
  return (probabilities * at::arange(reg_max + 1, probabilities.options())).sum(-1);
}

}  // namespace skylift
