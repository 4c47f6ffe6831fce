#include "skylift/infer/decode.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "skylift/boxes/nms.h"

namespace skylift {
namespace {

/// A (location, class) pair above the threshold.
struct Candidate {
  float score = 0;
  int label = 0;
  int cell = 0;  ///< row * width + column
};

/// Detections of all levels, column by column as nms takes them.
struct Boxes {
  std::vector<float> xyxy;  ///< 4 a box, px of the network's input
  std::vector<float> scores;
  std::vector<int64_t> labels;
};

float sigmoid(float logit) { return 1.0F / (1.0F + std::exp(-logit)); }

/// A logit that every score above the threshold exceeds, whatever its rounding.
float least_logit(double threshold) {
  if (threshold <= 0) return -std::numeric_limits<float>::infinity();
  if (threshold >= 1) return std::numeric_limits<float>::infinity();
  return static_cast<float>(std::log(threshold / (1 - threshold)) - 1e-3);
}

/// Calls visit(i) for each value above the limit. Most blocks of 64 have none, and looking at one takes a few vector
/// comparisons.
template <class Visit>
void for_each_above(const float* values, int64_t count, float limit, Visit visit) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count);
    int hits = 0;
    for (int64_t i = begin; i < end; ++i) hits += values[i] > limit;
    if (hits == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (values[i] > limit) visit(i);
    }
  }
}

/// By class, then by cell: the order of the map.
std::vector<Candidate> pairs_above(const float* cls_logits, int class_count, int64_t cells, double threshold) {
  std::vector<Candidate> pairs;
  const auto least_score = static_cast<float>(threshold);
  for (int label = 0; label < class_count; ++label) {
    const float* logits = cls_logits + label * cells;
    for_each_above(logits, cells, least_logit(threshold), [&](int64_t cell) {
      const float score = sigmoid(logits[cell]);
      if (score > least_score) pairs.push_back({score, label, static_cast<int>(cell)});
    });
  }
  return pairs;
}

/// Best first; equal ones in the order of locations, then classes.
bool better(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.cell != b.cell ? a.cell < b.cell : a.label < b.label;
}

void keep_best(std::vector<Candidate>& pairs, size_t limit) {
  if (pairs.size() > limit) {
    std::nth_element(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(limit), pairs.end(), better);
    pairs.resize(limit);
  }
  std::sort(pairs.begin(), pairs.end(), better);
}

/// All pairs of the `limit` locations with the best best class.
void keep_best_locations(std::vector<Candidate>& pairs, size_t limit) {
  std::sort(pairs.begin(), pairs.end(), better);
  std::unordered_set<int> cells;
  for (const Candidate& pair : pairs) {  // a location's first pair is its best
    if (cells.size() == limit) break;
    cells.insert(pair.cell);
  }
  std::erase_if(pairs, [&](const Candidate& pair) { return !cells.contains(pair.cell); });
}

/// The expectation of the distribution over bins 0..R whose logits stand `step` floats apart.
float expectation(const float* logits, int64_t step, int reg_max) {
  float highest = logits[0];
  for (int bin = 1; bin <= reg_max; ++bin) highest = std::max(highest, logits[bin * step]);
  float sum = 0, weighted = 0;
  for (int bin = 0; bin <= reg_max; ++bin) {
    const float weight = std::exp(logits[bin * step] - highest);
    sum += weight;
    weighted += weight * static_cast<float>(bin);
  }
  return weighted / sum;
}

/// mmdetection clips to the image without its padding and drops what has no area left.
void add_box(Boxes& boxes, const Candidate& pair, const LevelView& level, const float* box_logits, int reg_max,
             const ImageGeometry& geometry) {
  const int64_t cells = int64_t{level.height} * level.width;
  std::array<float, 4> sides{};
  for (int side = 0; side < 4; ++side) {
    const float* logits = box_logits + side * (reg_max + 1) * cells + pair.cell;
    sides[static_cast<size_t>(side)] = expectation(logits, cells, reg_max) * static_cast<float>(level.stride);
  }
  const auto x = static_cast<float>(pair.cell % level.width * level.stride);
  const auto y = static_cast<float>(pair.cell / level.width * level.stride);
  const auto width = static_cast<float>(geometry.content_width), height = static_cast<float>(geometry.content_height);
  const float x1 = std::clamp(x - sides[0], 0.F, width), x2 = std::clamp(x + sides[2], 0.F, width);
  const float y1 = std::clamp(y - sides[1], 0.F, height), y2 = std::clamp(y + sides[3], 0.F, height);
  if (!(x2 > x1 && y2 > y1)) return;
  boxes.xyxy.insert(boxes.xyxy.end(), {x1, y1, x2, y2});
  boxes.scores.push_back(pair.score);
  boxes.labels.push_back(pair.label);
}

void add_level(Boxes& boxes, const LevelView& level, int image, const OutputView& output, const ImageGeometry& geometry,
               const DecodeOptions& options) {
  const int64_t cells = int64_t{level.height} * level.width;
  const float* cls_logits = level.cls_logits + int64_t{image} * output.class_count * cells;
  const float* box_logits = level.box_logits + int64_t{image} * 4 * (output.reg_max + 1) * cells;
  std::vector<Candidate> pairs = pairs_above(cls_logits, output.class_count, cells, options.score_threshold);
  const auto limit = static_cast<size_t>(options.candidates);
  options.candidate_unit == "locations" ? keep_best_locations(pairs, limit) : keep_best(pairs, limit);
  for (const Candidate& pair : pairs) add_box(boxes, pair, level, box_logits, output.reg_max, geometry);
}

BoxXywh to_original_image(const float* box, const ImageGeometry& geometry) {
  const double left = geometry.flipped ? geometry.content_width - box[2] : box[0];
  const double right = geometry.flipped ? geometry.content_width - box[0] : box[2];
  const double x1 = std::max(0.0, (left + geometry.offset_x) / geometry.scale_x);
  const double y1 = std::max(0.0, (box[1] + geometry.offset_y) / geometry.scale_y);
  const double x2 = std::min<double>(geometry.original_width, (right + geometry.offset_x) / geometry.scale_x);
  const double y2 = std::min<double>(geometry.original_height, (box[3] + geometry.offset_y) / geometry.scale_y);
  return {x1, y1, x2 - x1, y2 - y1};
}

}  // namespace

std::vector<Detection> decode(const OutputView& output, int image, const ImageGeometry& geometry,
                              const DecodeOptions& options) {
  Boxes boxes;
  for (const LevelView& level : output.levels) add_level(boxes, level, image, output, geometry, options);
  const auto kept = nms(boxes.xyxy, boxes.scores, boxes.labels, static_cast<float>(options.nms_iou),
                        static_cast<size_t>(options.max_detections));
  std::vector<Detection> detections;
  detections.reserve(kept.size());
  for (const size_t i : kept) {
    detections.push_back(
        {to_original_image(boxes.xyxy.data() + 4 * i, geometry), boxes.scores[i], static_cast<int>(boxes.labels[i])});
  }
  return detections;
}

HostOutput::HostOutput(const DenseOutput& output) {
  const auto on_host = [&](const at::Tensor& map) {
    maps_.push_back(map.detach().to(at::kCPU, at::kFloat).contiguous());
    return maps_.back().const_data_ptr<float>();
  };
  view_.reg_max = output.reg_max;
  view_.class_count = static_cast<int>(output.levels.front().cls_logits.size(1));
  for (size_t i = 0; i < output.levels.size(); ++i) {
    const LevelOutput& level = output.levels[i];
    view_.levels.push_back({on_host(level.cls_logits), on_host(level.box_logits),
                            static_cast<int>(level.cls_logits.size(2)), static_cast<int>(level.cls_logits.size(3)),
                            output.strides[i]});
  }
}

DetectionSet decode(const DenseOutput& output, const std::vector<ImageGeometry>& geometries,
                    const DecodeOptions& options) {
  const HostOutput host(output);
  DetectionSet detections;
  for (size_t image = 0; image < geometries.size(); ++image)
    detections.push_back(decode(host.view(), static_cast<int>(image), geometries[image], options));
  return detections;
}

}  // namespace skylift
