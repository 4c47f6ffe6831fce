#include "skylift/assign/atss.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>

#include "skylift/assign/assignment_builder.h"
#include "skylift/core/parallel.h"

namespace skylift {
namespace {

constexpr double kInside = 0.01;  // px: a positive's point is further than this inside the object

/// What is known of one image while its points are handed out.
struct ImageAssignment {
  std::vector<AtssCandidates> candidates;  // per object
  std::vector<int> object_of;              // A, -1 where the point is free
  std::vector<double> iou_of;              // A, with that object
  std::vector<int64_t> claims;             // per object: points it holds

  void give(int64_t point, int object, double iou) {
    if (object_of[point] >= 0) --claims[object_of[point]];
    object_of[point] = object;
    iou_of[point] = iou;
    ++claims[object];
  }
};

std::vector<float> thresholds_of(const ImageAssignment& image) {
  std::vector<float> thresholds;
  for (const AtssCandidates& candidates : image.candidates)
    thresholds.push_back(static_cast<float>(candidates.threshold));
  return thresholds;
}

bool inside(const GridPosition& position, const BoxXyxy& box) {
  return std::min({position.x - box.x1, position.y - box.y1, box.x2 - position.x, box.y2 - position.y}) > kInside;
}

/// Each candidate that overlaps enough goes to the object it overlaps most (the first of equals).
void give_positives(const PointGrid& grid, const std::vector<BoxXyxy>& boxes, ImageAssignment& image) {
  for (size_t object = 0; object < boxes.size(); ++object) {
    const AtssCandidates& candidates = image.candidates[object];
    for (size_t k = 0; k < candidates.points.size(); ++k) {
      const int64_t point = candidates.points[k];
      if (candidates.ious[k] < candidates.threshold || !inside(position_of(grid, point), boxes[object])) continue;
      if (image.object_of[point] < 0 || candidates.ious[k] > image.iou_of[point]) {
        image.give(point, static_cast<int>(object), candidates.ious[k]);
      }
    }
  }
}

/// The free candidate with the largest overlap; of equals (a tiny object lies wholly in several anchors) the nearest.
void rescue(int object, ImageAssignment& image) {
  const AtssCandidates& candidates = image.candidates[object];
  int64_t best = -1;
  double best_iou = 0, best_distance = std::numeric_limits<double>::infinity();
  for (size_t k = 0; k < candidates.points.size(); ++k) {
    const double iou = candidates.ious[k], distance = candidates.distances[k];
    const bool better = iou > best_iou || (iou == best_iou && distance < best_distance);
    if (image.object_of[candidates.points[k]] >= 0 || !better) continue;
    best = candidates.points[k];
    best_iou = iou;
    best_distance = distance;
  }
  if (best >= 0) image.give(best, object, best_iou);
}

ImageAssignment assign_image(const PointGrid& grid, const std::vector<BoxXyxy>& boxes, const ImageGeometry& geometry,
                             const AtssOptions& options) {
  ImageAssignment image;
  image.object_of.assign(grid.count(), -1);
  image.iou_of.assign(grid.count(), 0);
  image.claims.assign(boxes.size(), 0);
  image.candidates.resize(boxes.size());
  constexpr size_t block = 64;  // objects; fewer are not worth a thread
  parallel_for((boxes.size() + block - 1) / block, at::get_num_threads(), [&](size_t i) {
    for (size_t object = i * block; object < std::min(boxes.size(), (i + 1) * block); ++object)
      image.candidates[object] = atss_candidates(grid, geometry, boxes[object], options);
  });
  give_positives(grid, boxes, image);
  for (size_t object = 0; options.rescue_small && object < boxes.size(); ++object) {
    if (image.claims[object] == 0) rescue(static_cast<int>(object), image);
  }
  return image;
}

}  // namespace

void bind(OptionSection section, AtssOptions& options) {
  section.add("candidates", options.candidates, "nearest points a level that are considered for an object",
              between(1, 1000));
  section.add("anchor_scale", options.anchor_scale, "side of a point's square anchor, in strides", between(0.5, 64));
  section.add("rescue_small", options.rescue_small, "an object without any positive gets its best candidate");
  section.add("mask_ignored", options.mask_ignored, "points in ignored regions do not count as negatives");
}

Assignment assign_atss(const PointGrid& grid, const std::vector<Targets>& targets,
                       const std::vector<ImageGeometry>& geometries, const AtssOptions& options) {
  AssignmentBuilder builder(grid, static_cast<int64_t>(targets.size()));
  for (size_t i = 0; i < targets.size(); ++i) {
    const std::vector<BoxXyxy> boxes = to_boxes(targets[i].boxes_xyxy);
    const std::vector<BoxXyxy> ignored =
        options.mask_ignored ? to_boxes(targets[i].ignored_xyxy) : std::vector<BoxXyxy>{};
    const ImageAssignment image = assign_image(grid, boxes, geometries[i], options);
    builder.add_image(image.object_of, boxes, targets[i].labels, thresholds_of(image),
                      content_mask(grid, geometries[i], ignored));
  }
  return builder.finish();
}

}  // namespace skylift
