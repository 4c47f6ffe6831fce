#include "skylift/infer/merge.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <tuple>

namespace skylift {
namespace {

struct Corners {
  double x1, y1, x2, y2;
  double area() const { return (x2 - x1) * (y2 - y1); }
};

Corners corners(const BoxXywh& box) { return {box.x, box.y, box.x + box.w, box.y + box.h}; }

double overlap(const Corners& a, const Corners& b, bool ios) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const double intersection = width * height;
  return intersection / (ios ? std::min(a.area(), b.area()) : a.area() + b.area() - intersection);
}

/// Boxes by the cells of a regular grid that they touch, as one array of indices with a start for each cell.
class BoxGrid {
 public:
  explicit BoxGrid(const std::vector<Corners>& boxes) : seen_(boxes.size(), -1) {
    place(boxes);
    starts_.assign(static_cast<size_t>(columns_ * rows_) + 1, 0);
    for (const Corners& box : boxes) for_cells(box, [&](size_t cell) { ++starts_[cell + 1]; });
    std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
    members_.resize(starts_.back());
    std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
    for (size_t i = 0; i < boxes.size(); ++i)
      for_cells(boxes[i], [&](size_t cell) { members_[next[cell]++] = static_cast<uint32_t>(i); });
  }

  /// Calls visit(j) once for every box that shares a cell with box i.
  template <class Visit>
  void neighbours(size_t i, const Corners& box, Visit visit) {
    for_cells(box, [&](size_t cell) {
      for (uint32_t at = starts_[cell]; at < starts_[cell + 1]; ++at) {
        const uint32_t j = members_[at];
        if (seen_[j] == static_cast<int64_t>(i)) continue;
        seen_[j] = static_cast<int64_t>(i);
        visit(static_cast<size_t>(j));
      }
    });
  }

 private:
  /// Cells as large as the mean box, larger if they would be many more than the boxes: huge boxes touch many cells.
  void place(const std::vector<Corners>& boxes) {
    Corners all = boxes.front();
    double sides = 0;
    for (const Corners& box : boxes) {
      all = {std::min(all.x1, box.x1), std::min(all.y1, box.y1), std::max(all.x2, box.x2), std::max(all.y2, box.y2)};
      sides += box.x2 - box.x1 + box.y2 - box.y1;
    }
    const auto count = static_cast<double>(boxes.size());
    x_ = all.x1;
    y_ = all.y1;
    cell_ = std::max({1.0, sides / (2 * count), std::sqrt(all.area() / (4 * count))});
    columns_ = static_cast<int64_t>((all.x2 - all.x1) / cell_) + 1;
    rows_ = static_cast<int64_t>((all.y2 - all.y1) / cell_) + 1;
  }

  template <class Visit>
  void for_cells(const Corners& box, Visit visit) const {
    const auto left = static_cast<int64_t>((box.x1 - x_) / cell_), right = static_cast<int64_t>((box.x2 - x_) / cell_);
    const auto top = static_cast<int64_t>((box.y1 - y_) / cell_), bottom = static_cast<int64_t>((box.y2 - y_) / cell_);
    for (int64_t row = top; row <= bottom; ++row) {
      for (int64_t column = left; column <= right; ++column) visit(static_cast<size_t>(row * columns_ + column));
    }
  }

  double x_ = 0, y_ = 0, cell_ = 1;
  int64_t columns_ = 1, rows_ = 1;
  std::vector<uint32_t> starts_, members_;
  std::vector<int64_t> seen_;  ///< by box: the last one that asked for it
};

class Merger {
 public:
  Merger(const std::vector<Detection>& detections, const MergeOptions& options)
      : detections_(detections), options_(options), ios_(options.metric == "ios") {
    boxes_.reserve(detections.size());
    for (const Detection& detection : detections) boxes_.push_back(corners(detection.box));
    order_.resize(detections.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    rank_.resize(order_.size());
    for (size_t place = 0; place < order_.size(); ++place) rank_[order_[place]] = place;
  }

  std::vector<Detection> run(size_t limit) {
    BoxGrid grid(boxes_);
    const bool chains = options_.method == "nmm";
    std::vector<int64_t> group_of(boxes_.size(), -1);
    std::vector<std::vector<size_t>> groups;  // members after the first, which is firsts[g]
    std::vector<size_t> firsts;
    for (const size_t i : order_) {
      const bool taken = group_of[i] >= 0;
      if (taken && !chains) continue;
      if (!taken) {
        group_of[i] = static_cast<int64_t>(firsts.size());
        firsts.push_back(i);
        groups.emplace_back();
      }
      std::vector<size_t>& group = groups[static_cast<size_t>(group_of[i])];
      const size_t before = group.size();
      grid.neighbours(i, boxes_[i], [&](size_t j) {
        if (group_of[j] < 0 && rank_[j] > rank_[i] && match(i, j)) group.push_back(j);
      });
      for (size_t k = before; k < group.size(); ++k) group_of[group[k]] = group_of[i];
      const auto begin = group.begin() + static_cast<std::ptrdiff_t>(before);
      std::sort(begin, group.end(), [&](size_t a, size_t b) { return chains ? a < b : rank_[a] < rank_[b]; });
    }
    std::vector<Detection> merged;
    for (size_t g = 0; g < firsts.size() && g < limit; ++g) merged.push_back(grown(firsts[g], groups[g]));
    return merged;
  }

 private:
  std::tuple<double, double, double, double, double, size_t> key(size_t i) const {
    const Corners& box = boxes_[i];
    return {-detections_[i].score, box.x1, box.y1, box.x2, box.y2, i};
  }

  bool match(size_t a, size_t b) const {
    if (!options_.across_classes && detections_[a].class_index != detections_[b].class_index) return false;
    return overlap(boxes_[a], boxes_[b], ios_) >= options_.threshold;
  }

  Detection grown(size_t first, const std::vector<size_t>& members) const {
    Detection result = detections_[first];
    if (options_.method == "nms" || members.empty()) return result;
    Corners box = boxes_[first];
    for (const size_t member : members) {
      const Corners& other = boxes_[member];
      if (overlap(box, other, ios_) < options_.threshold) continue;
      box = {std::min(box.x1, other.x1), std::min(box.y1, other.y1), std::max(box.x2, other.x2),
             std::max(box.y2, other.y2)};
    }
    result.box = {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1};
    return result;
  }

  const std::vector<Detection>& detections_;
  const MergeOptions& options_;
  const bool ios_;
  std::vector<Corners> boxes_;
  std::vector<size_t> order_, rank_;
};

}  // namespace

std::vector<Detection> merge_detections(const std::vector<Detection>& detections, const MergeOptions& options,
                                        int limit) {
  if (detections.empty()) return {};
  return Merger(detections, options).run(static_cast<size_t>(limit));
}

}  // namespace skylift
