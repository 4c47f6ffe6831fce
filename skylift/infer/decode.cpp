#include "skylift/infer/decode.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/boxes/boxes.h"

namespace skylift {
namespace {

/// The chosen (location, class) pairs of one level of one image. Shapes: N pairs.
struct Candidates {
  at::Tensor scores;      ///< [N] float
  at::Tensor labels;      ///< [N] int64
  at::Tensor boxes_xyxy;  ///< [N,4] float, px of the padded input
};

/// Pairs above the threshold, at most `limit` of the best (all where limit < 0), best first. scores: [H*W,C].
std::pair<at::Tensor, at::Tensor> best_pairs(const at::Tensor& scores, double threshold, int64_t limit) {
  const at::Tensor flat = scores.flatten();
  at::Tensor pairs = at::nonzero(flat > threshold).squeeze(1);
  at::Tensor values = flat.index_select(0, pairs);
  const auto [sorted, order] = values.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
  const int64_t kept = limit < 0 ? sorted.size(0) : std::min(limit, sorted.size(0));
  return {sorted.slice(0, 0, kept), pairs.index_select(0, order.slice(0, 0, kept))};
}

Candidates level_candidates(const LevelOutput& level, const GridLevel& grid_level, const at::Tensor& centres,
                            int64_t image, int reg_max, const DecodeOptions& options) {
  const int64_t class_count = level.cls_logits.size(1);
  at::Tensor scores = level.cls_logits[image].flatten(1).transpose(0, 1).to(at::kFloat).sigmoid();  // [H*W,C]
  at::Tensor box_logits = level.box_logits[image].flatten(1).transpose(0, 1);                       // [H*W,4(R+1)]
  at::Tensor points = centres;                                                                      // [H*W,2]
  int64_t limit = options.candidates;
  if (options.candidate_unit == "locations") {
    if (scores.size(0) > limit) {
      const at::Tensor best = std::get<1>(std::get<0>(scores.max(1)).topk(limit));
      scores = scores.index_select(0, best);
      box_logits = box_logits.index_select(0, best);
      points = points.index_select(0, best);
    }
    limit = -1;
  }
  const auto [values, pairs] = best_pairs(scores, options.score_threshold, limit);
  const at::Tensor rows = pairs.floor_divide(class_count);
  const at::Tensor distances = integral(box_logits.index_select(0, rows).to(at::kFloat), reg_max) * grid_level.stride;
  return {values, pairs.remainder(class_count), boxes_from_distances(points.index_select(0, rows), distances)};
}

Candidates concatenate(const std::vector<Candidates>& levels) {
  std::vector<at::Tensor> scores, labels, boxes;
  for (const Candidates& level : levels) {
    scores.push_back(level.scores);
    labels.push_back(level.labels);
    boxes.push_back(level.boxes_xyxy);
  }
  return {at::cat(scores).cpu(), at::cat(labels).cpu(), at::cat(boxes).cpu()};
}

/// mmdetection clips to the image without its padding and drops what has no area left.
void clip_to_content(Candidates& candidates, const ImageGeometry& geometry) {
  const at::Tensor x = candidates.boxes_xyxy.slice(1, 0, 4, 2).clamp(0, geometry.content_width);
  const at::Tensor y = candidates.boxes_xyxy.slice(1, 1, 4, 2).clamp(0, geometry.content_height);
  const at::Tensor boxes = at::stack({x.select(1, 0), y.select(1, 0), x.select(1, 1), y.select(1, 1)}, 1);
  const at::Tensor kept =
      at::nonzero((x.select(1, 1) > x.select(1, 0)).logical_and(y.select(1, 1) > y.select(1, 0))).squeeze(1);
  candidates = {candidates.scores.index_select(0, kept), candidates.labels.index_select(0, kept),
                boxes.index_select(0, kept)};
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

std::vector<Detection> suppress(Candidates candidates, const ImageGeometry& geometry, const DecodeOptions& options) {
  clip_to_content(candidates, geometry);
  const at::Tensor kept =
      nms(candidates.boxes_xyxy, candidates.scores, candidates.labels, options.nms_iou, options.max_detections);
  const at::Tensor boxes = candidates.boxes_xyxy.index_select(0, kept).contiguous();
  const at::Tensor scores = candidates.scores.index_select(0, kept).contiguous();
  const at::Tensor labels = candidates.labels.index_select(0, kept).contiguous();
  std::vector<Detection> detections;
  detections.reserve(static_cast<size_t>(kept.size(0)));
  for (int64_t i = 0; i < kept.size(0); ++i) {
    detections.push_back({to_original_image(boxes.data_ptr<float>() + 4 * i, geometry), scores.data_ptr<float>()[i],
                          static_cast<int>(labels.data_ptr<int64_t>()[i])});
  }
  return detections;
}

}  // namespace

void bind(OptionSection section, DecodeOptions& options) {
  section.add("score_threshold", options.score_threshold, "(location, class) pairs with a score up to this are dropped",
              between(0, 1));
  section.add("candidates", options.candidates, "kept a pyramid level before NMS", at_least(1));
  section.add("candidate_unit", options.candidate_unit,
              "what `candidates` counts: (location, class) pairs as mmdetection 3.x, or locations as CEASC and LD",
              one_of({"pairs", "locations"}));
  section.add("nms_iou", options.nms_iou,
              "a box is suppressed by a better one of its class that overlaps it more than this", between(0, 1));
  section.add("max_detections", options.max_detections, "kept an image", at_least(1));
}

DetectionSet decode(const DenseOutput& output, const std::vector<ImageGeometry>& geometries,
                    const DecodeOptions& options) {
  const at::NoGradGuard no_grad;
  const PointGrid grid = point_grid(output);
  DetectionSet detections;
  for (size_t image = 0; image < geometries.size(); ++image) {
    std::vector<Candidates> levels;
    for (size_t i = 0; i < output.levels.size(); ++i) {
      const GridLevel& grid_level = grid.levels[i];
      const at::Tensor centres = grid.centres.slice(0, grid_level.offset, grid_level.offset + grid_level.count());
      levels.push_back(level_candidates(output.levels[i], grid_level, centres, static_cast<int64_t>(image),
                                        output.reg_max, options));
    }
    detections.push_back(suppress(concatenate(levels), geometries[image], options));
  }
  return detections;
}

}  // namespace skylift
