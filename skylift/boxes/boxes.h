// Boxes as tensors: [N,4] float corners x1,y1,x2,y2 in pixels unless a name says otherwise.
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// [N,4] -> [N], width * height; negative extents count as 0.
at::Tensor box_area(const at::Tensor& boxes_xyxy);

/// [N,4], [N,4] -> [N]: intersection over union of rows; differentiable. `epsilon` clamps the denominators.
at::Tensor aligned_iou(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon = 1e-7);

/// [N,4], [N,4] -> [N]: IoU - (enclosing - union) / enclosing (Rezatofighi et al. 2019); differentiable.
at::Tensor aligned_giou(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon = 1e-7);

/// [N,4], [N,4] -> [N]: (centre distance)^2 / (enclosing diagonal)^2, what DIoU subtracts from IoU (Zheng et al. 2020).
at::Tensor aligned_centre_penalty(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon = 1e-7);

/// [N,4], [N,4] -> [N]: intersection over the area of a.
at::Tensor aligned_iof(const at::Tensor& a_xyxy, const at::Tensor& b_xyxy, double epsilon = 1e-7);

/// Points [N,2] and distances [N,4] to the left, top, right and bottom sides -> boxes [N,4]; all in one unit.
at::Tensor boxes_from_distances(const at::Tensor& points, const at::Tensor& distances_ltrb);

/// The inverse: [N,2], [N,4] -> distances [N,4]; negative where the point is outside.
at::Tensor distances_from_boxes(const at::Tensor& points, const at::Tensor& boxes_xyxy);

/// [...,4(R+1)] or [...,4,R+1] logits -> [N,4], N rows: per side the expectation of the softmax over bins 0..R, in
/// strides (the "integral" of GFL's general distribution, Li et al. 2020).
at::Tensor integral(const at::Tensor& box_logits, int64_t reg_max);

/// Class-aware greedy non-maximum suppression: keeps boxes by descending score (ties: lower index first) unless one of
/// the same label already kept overlaps by IoU > threshold. Returns kept indices [K] int64 by descending score, at most
/// `limit`. A score that is no number is never kept. Runs on the CPU; the result is on the device of the boxes.
at::Tensor nms(const at::Tensor& boxes_xyxy, const at::Tensor& scores, const at::Tensor& labels, double iou_threshold,
               int64_t limit);

}  // namespace skylift
