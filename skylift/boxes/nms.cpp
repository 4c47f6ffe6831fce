// Greedy non-maximum suppression in plain loops: the work is proportional to boxes x kept boxes of the same label, and
// the inner loop runs over contiguous columns so that the compiler vectorises it.
#include "skylift/boxes/nms.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "skylift/boxes/boxes.h"

namespace skylift {
namespace {

/// The boxes kept so far of one label, column by column.
class KeptBoxes {
 public:
  bool overlaps(const float* box_xyxy, float iou_threshold) const {
    const float area = (box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1]);
    constexpr size_t kChunk = 64;  // long enough to vectorise, short enough to stop early
    for (size_t begin = 0; begin < x1_.size(); begin += kChunk) {
      const size_t end = std::min(begin + kChunk, x1_.size());
      int hits = 0;
      for (size_t i = begin; i < end; ++i) {
        const float width = std::max(0.0F, std::min(box_xyxy[2], x2_[i]) - std::max(box_xyxy[0], x1_[i]));
        const float height = std::max(0.0F, std::min(box_xyxy[3], y2_[i]) - std::max(box_xyxy[1], y1_[i]));
        const float intersection = width * height;
        hits += intersection / (area + area_[i] - intersection) > iou_threshold;  // 0/0 compares false
      }
      if (hits > 0) return true;
    }
    return false;
  }

  void add(const float* box_xyxy) {
    x1_.push_back(box_xyxy[0]);
    y1_.push_back(box_xyxy[1]);
    x2_.push_back(box_xyxy[2]);
    y2_.push_back(box_xyxy[3]);
    area_.push_back((box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1]));
  }

 private:
  std::vector<float> x1_, y1_, x2_, y2_, area_;
};

/// Indices by descending score, equal scores by index; a score that is no number is left out.
std::vector<size_t> by_descending_score(std::span<const float> scores) {
  std::vector<size_t> order;
  order.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::isnan(scores[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace

std::vector<size_t> nms(std::span<const float> boxes_xyxy, std::span<const float> scores,
                        std::span<const int64_t> labels, float iou_threshold, size_t limit) {
  std::unordered_map<int64_t, KeptBoxes> kept_by_label;
  std::vector<size_t> kept;
  for (const size_t i : by_descending_score(scores)) {
    if (kept.size() >= limit) break;
    KeptBoxes& same_label = kept_by_label[labels[i]];
    const float* box = boxes_xyxy.data() + 4 * i;
    if (same_label.overlaps(box, iou_threshold)) continue;
    same_label.add(box);
    kept.push_back(i);
  }
  return kept;
}

at::Tensor nms(const at::Tensor& boxes_xyxy, const at::Tensor& scores, const at::Tensor& labels, double iou_threshold,
               int64_t limit) {
  const at::Tensor boxes_cpu = boxes_xyxy.detach().to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor scores_cpu = scores.detach().to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor labels_cpu = labels.to(at::kCPU, at::kLong).contiguous();
  const auto count = static_cast<size_t>(scores_cpu.numel());
  const auto kept =
      nms({boxes_cpu.const_data_ptr<float>(), 4 * count}, {scores_cpu.const_data_ptr<float>(), count},
          {labels_cpu.const_data_ptr<int64_t>(), count}, static_cast<float>(iou_threshold), static_cast<size_t>(limit));
  return at::tensor(std::vector<int64_t>(kept.begin(), kept.end()), at::kLong).to(boxes_xyxy.device());
}

}  // namespace skylift
