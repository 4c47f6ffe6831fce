// Class-aware greedy non-maximum suppression on plain memory; boxes.h has the same for tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skylift {

/// Keeps boxes by descending score (ties: lower index first) unless one of the same label already kept overlaps by
/// IoU > threshold. `boxes_xyxy` has 4 numbers a box. Returns kept indices by descending score, at most `limit`. A
/// score that is no number is never kept.
std::vector<size_t> nms(std::span<const float> boxes_xyxy, std::span<const float> scores,
                        std::span<const int64_t> labels, float iou_threshold, size_t limit);

}  // namespace skylift
