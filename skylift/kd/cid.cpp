#include "skylift/kd/cid.h"

#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>
#include <ATen/ops/_unique2.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "skylift/boxes/boxes.h"
#include "skylift/kd/object_points.h"
#include "skylift/losses/point_gather.h"

namespace skylift {
namespace {

bool instance_in_proposal(const CidOptions& options) { return options.reading == "instance_in_proposal"; }
bool by_teacher(const CidOptions& options) { return options.proposals == "teacher"; }

/// How far from an instance's centre a location can be and still have weight: the smaller of what centerness and gate
/// allow. The teacher's box contains its location and reaches R strides to each side; an anchor is centred on it.
WindowOf weight_window(const CidOptions& options, int reg_max) {
  const double most = std::numeric_limits<double>::infinity();
  return [=](const BoxXyxy& box, const GridLevel& level) {
    const double stride = level.stride;
    const double reach = by_teacher(options) ? reg_max * stride : options.anchor_scale * stride / 2;
    const double offset = by_teacher(options) ? reach / 2 : 0;  // of a proposal's centre from its location
    const double gate = options.gate_relative ? 0 : options.gate_iou;
    const auto half = [&](double side) {
      const double centred = std::max(options.enlarge * side, options.least_strides * stride) / 2 + offset;
      const double by_centerness = instance_in_proposal(options) ? reach : centred;
      // IoU >= gate means that P_i is at most side / gate long, and beyond the instance by at most the rest of that.
      const double by_gate = gate > 0 ? side / 2 + side * (1 - gate) / gate : most;
      return std::min(by_centerness, by_teacher(options) ? by_gate : by_centerness);
    };
    return HalfExtent{half(box.width()), half(box.height())};
  };
}

/// [M,4] the proposals of the pairs' locations; each location is decoded once.
at::Tensor proposals_of(const ObjectPoints& pairs, const DistillInputs& inputs, const CidOptions& options) {
  const PointGrid& grid = inputs.grid;
  const auto [location, row, counts] =
      at::_unique2(pairs.image * grid.count() + pairs.point, /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor image = location.floor_divide(grid.count()), point = location.remainder(grid.count());
  const at::Tensor strides = grid.strides.index_select(0, point).unsqueeze(1);
  at::Tensor distances;  // [U,4] in strides
  if (by_teacher(options)) {
    distances =
        integral(gather_box_logits(PointGather(grid, image, point), inputs.teacher), inputs.teacher.reg_max).detach();
  } else {
    distances = at::full({location.size(0), 4}, options.anchor_scale / 2, grid.centres.options());
  }
  return boxes_from_distances(grid.centres.index_select(0, point), distances * strides).index_select(0, row);
}

at::Tensor box_centres(const at::Tensor& boxes_xyxy) {
  return (boxes_xyxy.slice(1, 0, 2) + boxes_xyxy.slice(1, 2, 4)) / 2;
}

/// [M] centerness under the chosen reading.
at::Tensor pair_centerness(const at::Tensor& proposals, const at::Tensor& instances, const at::Tensor& strides,
                           const CidOptions& options) {
  if (instance_in_proposal(options)) return centerness(box_centres(instances), proposals);
  const at::Tensor centres = box_centres(instances), sides = instances.slice(1, 2, 4) - instances.slice(1, 0, 2);
  const at::Tensor half = at::maximum(sides * options.enlarge, strides.unsqueeze(1) * options.least_strides) / 2;
  return centerness(box_centres(proposals), at::cat({centres - half, centres + half}, 1));
}

/// [M] bool: the proposal's best instance is this one, and their overlap passes the gate.
at::Tensor gate(const ObjectPoints& pairs, const at::Tensor& iou, const DistillInputs& inputs, int64_t objects,
                const CidOptions& options) {
  const int64_t images = static_cast<int64_t>(inputs.batch.targets.size());
  const at::Tensor mine = best_pair_of_each_location(pairs, iou, inputs.grid, images).logical_and(iou.gt(0));
  if (!options.gate_relative) return mine.logical_and(iou.ge(options.gate_iou));
  const at::Tensor best = at::zeros({objects}, iou.options()).scatter_reduce_(0, pairs.object, iou, "amax");
  return mine.logical_and(iou.ge(best.index_select(0, pairs.object) * options.gate_iou));
}

/// [M] centerness * gate * factor.
at::Tensor pair_weights(const ObjectPoints& pairs, const BatchObjects& objects, const DistillInputs& inputs,
                        const CidOptions& options) {
  const at::Tensor proposals = proposals_of(pairs, inputs, options);
  const at::Tensor instances = objects.boxes_xyxy.index_select(0, pairs.object);
  const at::Tensor strides = inputs.grid.strides.index_select(0, pairs.point);
  at::Tensor weights = pair_centerness(proposals, instances, strides, options);
  weights = weights * gate(pairs, aligned_iou(proposals, instances), inputs, objects.count(), options);
  if (options.score_power > 0) {
    const at::Tensor logits =
        gather_cls_logits(PointGather(inputs.grid, pairs.image, pairs.point), inputs.teacher).detach();
    const at::Tensor label = objects.labels.index_select(0, pairs.object).unsqueeze(1);
    weights = weights * logits.gather(1, label).squeeze(1).sigmoid().pow(options.score_power);
  }
  return weights;
}

/// What each instance's weights sum to. [G]
at::Tensor instance_shares(const BatchObjects& objects, const CidOptions& options) {
  return (box_area(objects.boxes_xyxy).clamp_min(1) / (32.0 * 32.0)).pow(options.area_power);
}

/// The allowed point nearest to a box's centre on the level whose anchors fit the box best; on the other levels where
/// that has none. -1: no point is allowed at all.
int64_t nearest_point(const PointGrid& grid, const BoxXyxy& box, const std::vector<float>& allowed,
                      double anchor_scale) {
  const double x = (static_cast<double>(box.x1) + box.x2) / 2, y = (static_cast<double>(box.y1) + box.y2) / 2;
  const double side = std::sqrt(std::max(1.0, static_cast<double>(box.width()) * box.height()));
  std::vector<const GridLevel*> levels;
  for (const GridLevel& level : grid.levels) levels.push_back(&level);
  const auto misfit = [&](const GridLevel* level) {
    return std::abs(std::log2(side / (anchor_scale * level->stride)));
  };
  std::stable_sort(levels.begin(), levels.end(), [&](const auto* a, const auto* b) { return misfit(a) < misfit(b); });
  for (const GridLevel* level : levels) {
    int64_t best = -1;
    double best_squared = std::numeric_limits<double>::infinity();
    for_each_point(*level, {0, level->height, 0, level->width}, [&](int64_t point) {
      const int64_t cell = point - level->offset;
      const double dx = static_cast<double>(cell % level->width) * level->stride - x;
      const double dy = static_cast<double>(cell / level->width) * level->stride - y;
      if (allowed[point] == 0 || dx * dx + dy * dy >= best_squared) return;
      best = point;
      best_squared = dx * dx + dy * dy;
    });
    if (best >= 0) return best;
  }
  return -1;
}

/// Pairs for the instances that no location covers.
ObjectPoints pairs_for_uncovered(const BatchObjects& objects, const at::Tensor& sums, const PointGrid& grid,
                                 const std::vector<std::vector<float>>& allowed, double anchor_scale) {
  const at::Tensor sums_cpu = sums.to(at::kCPU, at::kFloat).contiguous();
  const float* sum_of = sums_cpu.const_data_ptr<float>();
  std::vector<int64_t> image, point, object;
  int64_t index = 0;
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    for (const BoxXyxy& box : objects.boxes[b]) {
      const int64_t nearest = sum_of[index] > 0 ? -1 : nearest_point(grid, box, allowed[b], anchor_scale);
      if (nearest >= 0) {
        image.push_back(static_cast<int64_t>(b));
        point.push_back(nearest);
        object.push_back(index);
      }
      ++index;
    }
  }
  const auto column = [&](const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong).to(sums.device());
  };
  return {column(image), column(point), column(object)};
}

/// The teacher's confident false positives: allowed locations outside the region and not positive where it sees some
/// class.
Region hard_background(const Region& region, const DistillInputs& inputs,
                       const std::vector<std::vector<float>>& allowed, const CidOptions& options) {
  at::Tensor hard = flat_cls_logits(inputs.teacher).detach().sigmoid().amax(2).ge(options.background_score);  // [B,A]
  std::vector<at::Tensor> flags;
  for (const auto& image : allowed) flags.push_back(at::tensor(image, at::kFloat));
  hard = hard.logical_and(at::stack(flags).to(hard.device()).gt(0));
  const at::Tensor no = at::zeros({}, hard.options());
  hard.index_put_({region.image, region.point}, no);
  hard.index_put_({inputs.assignment.image, inputs.assignment.point}, no);
  for (size_t b = 0; b < allowed.size(); ++b) {
    if (inputs.batch.targets[b].boxes_xyxy.size(0) == 0)
      hard[static_cast<int64_t>(b)].fill_(false);  // contributes exactly 0
  }
  const at::Tensor where = hard.nonzero();
  const at::Tensor image = where.select(1, 0), point = where.select(1, 1);
  return {image, point, at::full({image.size(0)}, options.background_weight, region.weights.options()),
          at::full_like(image, -1)};
}

Region joined(const Region& a, const Region& b) {
  return {at::cat({a.image, b.image}), at::cat({a.point, b.point}), at::cat({a.weights, b.weights}),
          at::cat({a.object, b.object})};
}

/// Rows of pairs with their final weights.
Region to_region(const ObjectPoints& pairs, const at::Tensor& weights, const BatchObjects& objects) {
  return {pairs.image, pairs.point, weights, objects.index_in_image.index_select(0, pairs.object)};
}

}  // namespace

void bind(OptionSection section, CidOptions& options) {
  section.add("reading", options.reading, "whose centre lies in whose box",
              one_of({"instance_in_proposal", "proposal_in_instance"}));
  section.add("proposals", options.proposals, "a location's proposal", one_of({"teacher", "anchors"}));
  section.add("anchor_scale", options.anchor_scale, "side of an anchor, in strides", between(0.5, 64));
  section.add("enlarge", options.enlarge, "proposal_in_instance: factor on the instance's sides", between(0.1, 10));
  section.add("least_strides", options.least_strides,
              "proposal_in_instance: least side of the enlarged instance, in strides", between(0, 16));
  section.add("gate_iou", options.gate_iou, "least IoU of proposal and instance", between(0, 1));
  section.add("gate_relative", options.gate_relative,
              "gate_iou is a share of the instance's best IoU (sensible with anchors)");
  section.add("score_power", options.score_power,
              "exponent of the teacher's score of the instance's class; 0: no factor", between(0, 8));
  section.add("area_power", options.area_power, "an instance weighs (area / 1024 px)^power; 0: all alike",
              between(-2, 2));
  section.add("background_weight", options.background_weight,
              "weight of the teacher's confident false positives; 0: none", at_least(0));
  section.add("background_score", options.background_score, "least score of a confident false positive", between(0, 1));
}

Region cid_region(const DistillInputs& inputs, const CidOptions& options) {
  const PointGrid& grid = inputs.grid;
  const BatchObjects objects = batch_objects(inputs.batch.targets, grid.centres.device());
  const auto allowed = allowed_points(grid, inputs.batch);
  const ObjectPoints pairs =
      points_near_objects(grid, objects, allowed, weight_window(options, inputs.teacher.reg_max));
  const at::Tensor raw = pair_weights(pairs, objects, inputs, options);
  const at::Tensor sums = at::zeros({objects.count()}, raw.options()).index_add_(0, pairs.object, raw);
  const at::Tensor shares = instance_shares(objects, options);

  const at::Tensor rows = raw.gt(0).nonzero().squeeze(1);
  const auto pick = [&](const at::Tensor& column) { return column.index_select(0, rows); };
  const ObjectPoints kept{pick(pairs.image), pick(pairs.point), pick(pairs.object)};
  const at::Tensor scaled = pick(raw) * (shares / sums).index_select(0, kept.object);
  const ObjectPoints rescued = pairs_for_uncovered(objects, sums, grid, allowed, options.anchor_scale);
  const Region region =
      joined(to_region(kept, scaled, objects), to_region(rescued, shares.index_select(0, rescued.object), objects));
  return options.background_weight > 0 ? joined(region, hard_background(region, inputs, allowed, options)) : region;
}

}  // namespace skylift
