#include "skylift/kd/vlr.h"

#include <ATen/Functions.h>

#include "skylift/boxes/boxes.h"
#include "skylift/kd/object_points.h"

namespace skylift {
namespace {

constexpr double kLowerShare = 0.25;  // of the ATSS threshold

/// [G] ATSS thresholds.
at::Tensor thresholds(const DistillInputs& inputs, const BatchObjects& objects, const AtssOptions& atss) {
  std::vector<float> values;
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    for (const BoxXyxy& box : objects.boxes[b]) {
      values.push_back(
          static_cast<float>(atss_candidates(inputs.grid, inputs.batch.geometries[b], box, atss).threshold));
    }
  }
  return at::tensor(values, at::kFloat).to(objects.boxes_xyxy.device());
}

}  // namespace

Region vlr_region(const DistillInputs& inputs, const AtssOptions& atss, bool iof) {
  const PointGrid& grid = inputs.grid;
  const BatchObjects objects = batch_objects(inputs.batch.targets, grid.centres.device());
  // D is positive only where anchor and object meet.
  const auto window = [&](const BoxXyxy& box, const GridLevel& level) {
    const double half_anchor = atss.anchor_scale * level.stride / 2;
    return HalfExtent{half_anchor + box.width() / 2, half_anchor + box.height() / 2};
  };
  const ObjectPoints pairs = points_near_objects(grid, objects, allowed_points(grid, inputs.batch), window);
  const at::Tensor centres = grid.centres.index_select(0, pairs.point);
  const at::Tensor half = grid.strides.index_select(0, pairs.point).unsqueeze(1) * (atss.anchor_scale / 2);
  const at::Tensor anchors = at::cat({centres - half, centres + half}, 1);
  const at::Tensor boxes = objects.boxes_xyxy.index_select(0, pairs.object);

  const at::Tensor iou = aligned_iou(anchors, boxes, 1e-6);
  const at::Tensor d = (iof ? aligned_iof(anchors, boxes, 1e-6) : iou) - aligned_centre_penalty(anchors, boxes);
  const at::Tensor threshold = thresholds(inputs, objects, atss).index_select(0, pairs.object);
  const at::Tensor belongs = d.ge(threshold * kLowerShare).logical_and(d.lt(threshold));

  // Of each location the object it overlaps most among those it belongs to.
  const at::Tensor scores = at::where(belongs, iou, at::zeros_like(iou));
  const int64_t images = static_cast<int64_t>(inputs.batch.targets.size());
  const at::Tensor chosen = best_pair_of_each_location(pairs, scores, grid, images).logical_and(scores.gt(0));
  const at::Tensor rows = chosen.nonzero().squeeze(1);
  return {pairs.image.index_select(0, rows), pairs.point.index_select(0, rows), scores.index_select(0, rows),
          objects.index_in_image.index_select(0, pairs.object.index_select(0, rows))};
}

}  // namespace skylift
