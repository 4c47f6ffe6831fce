#include "skylift/kd/vlr.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "skylift/boxes/boxes.h"
#include "skylift/kd/object_points.h"

namespace skylift {
namespace {

constexpr double kLowerShare = 0.25;  // of the ATSS threshold

/// How far from the object's centre D can be positive: anchor and object meet there, and their overlap is at least the
/// centre penalty d^2 / diagonal^2. Both bounds hold for every offset, so no location is lost, and tiny objects, whose
/// overlap with an anchor is small, are left with few.
HalfExtent reach(const BoxXyxy& box, double anchor, bool iof) {
  const double width = box.width(), height = box.height();
  const double intersection = std::min(anchor, width) * std::min(anchor, height);
  const double most_overlap = intersection / (iof ? anchor * anchor : anchor * anchor + width * height - intersection);
  const double distance = 1.001 * std::sqrt(most_overlap) * std::hypot(anchor + width, anchor + height);
  return {std::min((anchor + width) / 2, distance), std::min((anchor + height) / 2, distance)};
}

}  // namespace

Region vlr_region(const DistillInputs& inputs, const AtssOptions& atss, bool iof) {
  const PointGrid& grid = inputs.grid;
  const BatchObjects objects = batch_objects(inputs.batch.targets, grid.centres.device());
  const auto window = [&](const BoxXyxy& box, const GridLevel& level) {
    return reach(box, atss.anchor_scale * level.stride, iof);
  };
  const ObjectPoints pairs = points_near_objects(grid, objects, allowed_points(grid, inputs.batch), window);
  const at::Tensor centres = grid.centres.index_select(0, pairs.point);
  const at::Tensor half = grid.strides.index_select(0, pairs.point).unsqueeze(1) * (atss.anchor_scale / 2);
  const at::Tensor anchors = at::cat({centres - half, centres + half}, 1);
  const at::Tensor boxes = objects.boxes_xyxy.index_select(0, pairs.object);

  const at::Tensor iou = aligned_iou(anchors, boxes, 1e-6);
  const at::Tensor d = (iof ? aligned_iof(anchors, boxes, 1e-6) : iou) - aligned_centre_penalty(anchors, boxes);
  const at::Tensor threshold = inputs.assignment.thresholds.index_select(0, pairs.object);
  const at::Tensor belongs = d.ge(threshold * kLowerShare).logical_and(d.lt(threshold));

  // Of each location the object it overlaps most among those it belongs to.
  const at::Tensor scores = at::where(belongs, iou, at::zeros_like(iou));
  const int64_t images = static_cast<int64_t>(inputs.batch.targets.size());
  const at::Tensor chosen = best_pair_of_each_location(pairs, scores, grid, images).logical_and(scores.gt(0));
  const at::Tensor rows = chosen.nonzero().squeeze(1);
  const at::Tensor weights = scores.index_select(0, rows);
  return {pairs.image.index_select(0, rows), pairs.point.index_select(0, rows), weights, weights,
          objects.index_in_image.index_select(0, pairs.object.index_select(0, rows))};
}

}  // namespace skylift
