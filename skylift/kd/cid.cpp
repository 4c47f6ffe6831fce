#include "skylift/kd/cid.h"

#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "skylift/boxes/boxes.h"
#include "skylift/kd/cid_proposals.h"
#include "skylift/kd/object_points.h"
#include "skylift/losses/point_gather.h"

namespace skylift {
namespace {

double stride_of(const PointGrid& grid, int64_t point) {
  const auto holds = [&](const GridLevel& level) { return point < level.offset + level.count(); };
  return std::ranges::find_if(grid.levels, holds)->stride;
}

/// Centerness of a point in a box (FCOS, eq. 3); 0 outside.
double centerness_in(double x, double y, const BoxXyxy& box) {
  const double left = x - box.x1, right = box.x2 - x, top = y - box.y1, bottom = box.y2 - y;
  if (!(left > 0 && right > 0 && top > 0 && bottom > 0)) return 0;
  return std::sqrt(std::min(left, right) / std::max(left, right) * std::min(top, bottom) / std::max(top, bottom));
}

double centre_x(const BoxXyxy& box) { return (static_cast<double>(box.x1) + box.x2) / 2; }
double centre_y(const BoxXyxy& box) { return (static_cast<double>(box.y1) + box.y2) / 2; }

/// Centerness under the chosen reading.
double pair_centerness(const BoxXyxy& proposal, const BoxXyxy& instance, double stride, const CidOptions& options) {
  if (options.instance_in_proposal()) return centerness_in(centre_x(instance), centre_y(instance), proposal);
  const auto half = [&](double side) { return std::max(side * options.enlarge, stride * options.least_strides) / 2; };
  const double x = centre_x(instance), y = centre_y(instance), across = half(instance.width()),
               down = half(instance.height());
  const BoxXyxy enlarged{static_cast<float>(x - across), static_cast<float>(y - down), static_cast<float>(x + across),
                         static_cast<float>(y + down)};
  return centerness_in(centre_x(proposal), centre_y(proposal), enlarged);
}

/// The allowed point nearest to a box's centre on the level whose anchors fit the box best; on the other levels where
/// that has none. -1: no point is allowed at all.
int64_t nearest_point(const PointGrid& grid, const BoxXyxy& box, const std::vector<float>& allowed,
                      double anchor_scale) {
  const double x = centre_x(box), y = centre_y(box);
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

/// Rows of a region under construction, grouped by instance.
struct Rows {
  std::vector<int64_t> image, point, object;  // object: in its image
  std::vector<float> weight, box_weight;

  void add(int64_t b, int64_t p, int64_t o, double w, bool learn_box) {
    image.push_back(b), point.push_back(p), object.push_back(o), weight.push_back(static_cast<float>(w));
    box_weight.push_back(learn_box ? weight.back() : 0);
  }
  Region region(c10::Device device) const {
    const auto whole = [&](const std::vector<int64_t>& values) { return at::tensor(values, at::kLong).to(device); };
    const auto real = [&](const std::vector<float>& values) { return at::tensor(values, at::kFloat).to(device); };
    return {whole(image), whole(point), real(weight), real(box_weight), whole(object)};
  }
};

/// The teacher's scores at the locations near instances; all 1 where no option asks for them.
class Scores {
 public:
  /// cls: [N,C] logits of the rows of `near`, on the CPU, or undefined.
  Scores(at::Tensor cls, const NearLocations& near) : cls_(std::move(cls)), near_(near) {
    int64_t row = 0;
    for (const auto& image : near.images) first_row_.push_back(row), row += static_cast<int64_t>(image.size());
  }

  double of(size_t image, int64_t point, int64_t label) const {
    if (!cls_.defined()) return 1;
    const int32_t row = near_.row_of[image][static_cast<size_t>(point)];
    if (row < 0 || label < 0) return kUnseen;  // label -1: of a class that the teacher does not know
    return 1 / (1 + std::exp(-cls_.const_data_ptr<float>()[(first_row_[image] + row) * cls_.size(1) + label]));
  }

 private:
  static constexpr double kUnseen = 0.01;  // of a location too far from every instance: what a head starts with
  at::Tensor cls_;
  const NearLocations& near_;
  std::vector<int64_t> first_row_;
};

/// A location of an instance. A box that does not fit the instance would teach the teacher's error.
struct Place {
  int64_t point = 0;
  double weight = 0;
  bool box_fits = false;  // the proposal passed the gate
};

/// One instance's weighted locations; they are scaled to its share, and where there are none the nearest one gets it.
struct Instance {
  std::vector<Place> places;  // by rising point
  double sum = 0;
  double confidence = 0;  // the best score of its class
};

/// centerness * gate * factor of each location, collected by instance. [G]
std::vector<Instance> weigh(const NearLocations& near, const std::vector<double>& best, const DistillInputs& inputs,
                            const BatchObjects& objects, const Scores& scores, const CidOptions& options) {
  std::vector<Instance> instances(best.size());
  int64_t first = 0;
  for (size_t b = 0; b < near.images.size(); first += static_cast<int64_t>(objects.boxes[b].size()), ++b) {
    for (const Near& location : near.images[b]) {
      if (location.object < 0) continue;
      const auto object = static_cast<size_t>(location.object);
      const double least = options.gate_iou * (options.gate_relative ? best[object] : 1);
      if (location.iou < least) continue;
      const BoxXyxy& box = objects.boxes[b][object - static_cast<size_t>(first)];
      const double score = scores.of(b, location.point, objects.labels.const_data_ptr<int64_t>()[object]);
      const double weight = pair_centerness(location.proposal, box, stride_of(inputs.grid, location.point), options) *
                            std::pow(score, options.score_power);
      if (!(weight > 0)) continue;
      Instance& instance = instances[object];
      instance.places.push_back({location.point, weight, true});
      instance.sum += weight;
      instance.confidence = std::max(instance.confidence, score);
    }
  }
  return instances;
}

/// Raises the weights inside the box to the floor, on every level.
void raise_to_floor(Instance& instance, const PointGrid& grid, const BoxXyxy& box, const std::vector<float>& allowed,
                    double floor) {
  std::map<int64_t, Place> places;
  for (const Place& place : instance.places) places[place.point] = place;
  for (const GridLevel& level : grid.levels) {
    for_each_point(level, block_inside(level, {0, level.height, 0, level.width}, box), [&](int64_t point) {
      if (allowed[static_cast<size_t>(point)] == 0) return;
      Place& place = places[point];
      place = {point, std::max(place.weight, floor), place.box_fits};
    });
  }
  instance.places.clear();
  instance.sum = 0;
  for (const auto& [point, place] : places) instance.places.push_back(place), instance.sum += place.weight;
}

/// What an instance's weights sum to.
double share_of(const BoxXyxy& box, double confidence, const CidOptions& options) {
  const double area = std::max(1.0, std::max(0.0F, box.width()) * double{std::max(0.0F, box.height())});
  return std::pow(area / (32.0 * 32.0), options.area_power) * std::pow(confidence, options.confidence_power);
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
  const at::Tensor weights = at::full({image.size(0)}, options.background_weight, region.weights.options());
  return {image, point, weights, at::zeros_like(weights), at::full_like(image, -1)};
}

Region joined(const Region& a, const Region& b) {
  return {at::cat({a.image, b.image}), at::cat({a.point, b.point}), at::cat({a.weights, b.weights}),
          at::cat({a.box_weights, b.box_weights}), at::cat({a.object, b.object})};
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
  section.add("confidence_power", options.confidence_power,
              "an instance weighs (the teacher's best score of its class there)^power; 0: all alike", between(0, 8));
  section.add("area_power", options.area_power, "an instance weighs (area / 1024 px)^power; 0: all alike",
              between(-2, 2));
  section.add("floor", options.floor, "least weight of a location inside an instance's box; 0: none", between(0, 1));
  section.add("background_weight", options.background_weight,
              "weight of the teacher's confident false positives; 0: none", at_least(0));
  section.add("background_score", options.background_score, "least score of a confident false positive", between(0, 1));
}

Region cid_region(const DistillInputs& inputs, const CidOptions& options) {
  const BatchObjects objects = batch_objects(inputs.batch.targets, inputs.grid.centres.device());
  const auto allowed = allowed_points(inputs.grid, inputs.batch);
  NearLocations near = near_locations(inputs, objects, allowed, options);
  at::Tensor cls;
  propose(near, inputs, options, cls);
  const std::vector<double> best = choose_instances(near, inputs, objects, options);
  const Scores scores(cls, near);
  std::vector<Instance> instances = weigh(near, best, inputs, objects, scores, options);

  Rows rows;
  size_t index = 0;
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    for (size_t o = 0; o < objects.boxes[b].size(); ++o, ++index) {
      const BoxXyxy& box = objects.boxes[b][o];
      Instance& instance = instances[index];
      if (instance.places.empty()) {
        const int64_t nearest = nearest_point(inputs.grid, box, allowed[b], options.anchor_scale);
        if (nearest < 0) continue;
        const int64_t label = objects.labels.const_data_ptr<int64_t>()[index];
        instance = {.places = {{nearest, 1, false}}, .sum = 1, .confidence = scores.of(b, nearest, label)};
      }
      if (options.floor > 0) raise_to_floor(instance, inputs.grid, box, allowed[b], options.floor);
      const double scale = share_of(box, instance.confidence, options) / instance.sum;
      for (const auto& [point, weight, box_fits] : instance.places)
        rows.add(static_cast<int64_t>(b), point, static_cast<int64_t>(o), weight * scale, box_fits);
    }
  }
  const Region region = rows.region(inputs.grid.centres.device());
  return options.background_weight > 0 ? joined(region, hard_background(region, inputs, allowed, options)) : region;
}

}  // namespace skylift
