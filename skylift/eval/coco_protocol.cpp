// The COCO protocol, number for number as pycocotools' COCOeval computes it for boxes.
#include <algorithm>
#include <numeric>

#include "skylift/eval/curves.h"
#include "skylift/eval/protocols.h"

namespace skylift {
namespace {

struct AreaRange {
  double low, high;  // px^2, both ends included
};
constexpr std::array<AreaRange, 4> area_ranges = {{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}};
enum Area { all_areas, small_area, medium_area, large_area };

uint8_t areas_without(double area) {
  uint8_t bits = 0;
  for (size_t a = 0; a < area_ranges.size(); ++a) {
    if (area < area_ranges[a].low || area > area_ranges[a].high) bits |= static_cast<uint8_t>(1U << a);
  }
  return bits;
}

std::vector<size_t> order_by(const std::vector<int64_t>& ids) {
  std::vector<size_t> order(ids.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ids[a] < ids[b]; });
  return order;
}

/// pycocotools keeps the id of the matched annotation and takes 0 for "no match". Elsewhere than in COCO files all ids
/// are 0.
bool has_annotation_zero(const AnnotationSet& truth) {
  int64_t zeros = 0, others = 0;
  for (const auto& image : truth.images) {
    for (const auto& object : image.objects) ++(object.id == 0 ? zeros : others);
  }
  return truth.format == "coco" && zeros == 1 && others > 0;
}

struct CocoImages {
  const AnnotationSet& truth;
  const DetectionSet& detections;
  std::vector<int> class_place;  // by class index: its place among the ascending category ids
  bool has_zero;

  void prepare(size_t image, PreparedImage& prepared) const {
    const bool ignored_counts = truth.format != "coco";
    for (const auto& object : truth.images[image].objects) {
      if (object.class_index < 0) continue;
      MatchTruth match{.box = object.box, .shared = object.crowd, .match_is_miss = has_zero && object.id == 0};
      const bool ignored = object.crowd || (ignored_counts && (object.ignored || object.difficult));
      match.ignored_in = ignored ? 0xff : areas_without(object.area >= 0 ? object.area : object.box.w * object.box.h);
      prepared.truths.push_back({match, class_place[static_cast<size_t>(object.class_index)]});
    }
    for (const auto& detection : detections[image]) {
      if (detection.class_index < 0) continue;
      prepared.rows.push_back({{detection.box, areas_without(detection.box.w * detection.box.h)},
                               detection.score,
                               class_place[static_cast<size_t>(detection.class_index)]});
    }
  }
};

/// Means over the curves in numpy's order.
class Means {
 public:
  explicit Means(const EvalCurves& curves, size_t limits) : curves_(curves), limits_(limits) {}

  /// Of all thresholds and classes unless one is named.
  double ap(Area area, int threshold = -1, int one_class = -1) const {
    std::vector<double> values;
    const size_t points = curves_.recalls.size(), classes = static_cast<size_t>(curves_.classes);
    for (size_t t = 0; t < curves_.thresholds.size(); ++t) {
      if (threshold >= 0 && t != static_cast<size_t>(threshold)) continue;
      for (size_t r = 0; r < points; ++r) {
        for (size_t k = 0; k < classes; ++k) {
          if (one_class >= 0 && k != static_cast<size_t>(one_class)) continue;
          values.push_back(curves_.precision[((t * points + r) * classes + k) * area_ranges.size() + area]);
        }
      }
    }
    return mean_of_defined(std::move(values));
  }

  double ar(Area area, size_t limit) const {
    std::vector<double> values;
    const size_t rows = curves_.thresholds.size() * static_cast<size_t>(curves_.classes);
    for (size_t row = 0; row < rows; ++row)
      values.push_back(curves_.recall[(row * area_ranges.size() + area) * limits_ + limit]);
    return mean_of_defined(std::move(values));
  }

 private:
  const EvalCurves& curves_;
  size_t limits_;
};

EvalMeans summarise(const Means& means, size_t limits) {
  EvalMeans summary;
  summary.ap = means.ap(all_areas);
  summary.ap50 = means.ap(all_areas, 0);
  summary.ap75 = means.ap(all_areas, 5);
  summary.ap_small = means.ap(small_area);
  summary.ap_medium = means.ap(medium_area);
  summary.ap_large = means.ap(large_area);
  for (size_t m = 0; m < limits; ++m) summary.ar.push_back(means.ar(all_areas, m));
  summary.ar_small = means.ar(small_area, limits - 1);
  summary.ar_medium = means.ar(medium_area, limits - 1);
  summary.ar_large = means.ar(large_area, limits - 1);
  return summary;
}

}  // namespace

void evaluate_coco(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                   EvalResult& result) {
  const auto class_order = order_by(truth.class_ids);
  CocoImages images{truth, detections, std::vector<int>(class_order.size()), has_annotation_zero(truth)};
  for (size_t place = 0; place < class_order.size(); ++place)
    images.class_place[class_order[place]] = static_cast<int>(place);
  std::vector<int64_t> image_ids;
  for (const auto& image : truth.images) image_ids.push_back(image.id);

  const Rules rules{.thresholds = linspace(0.5, 0.95, 10),
                    .areas = static_cast<int>(area_ranges.size()),
                    .max_dets = result.max_dets,
                    .prepare = [&](size_t image, PreparedImage& prepared) { images.prepare(image, prepared); }};
  const Pools pools =
      pool_detections(order_by(image_ids), static_cast<int>(class_order.size()), rules, options.threads);
  Denominators denominators;
  for (const auto& pool : pools.classes) denominators.push_back(pool.positives);
  result.curves = draw_curves(pools, denominators, rules, options.threads).sampled;

  const Means means(result.curves, result.max_dets.size());
  result.means = result.uniform = summarise(means, result.max_dets.size());
  for (size_t k = 0; k < class_order.size(); ++k) {
    const int one_class = static_cast<int>(k);
    result.per_class.push_back({truth.classes[class_order[k]], means.ap(all_areas, -1, one_class),
                                means.ap(all_areas, 0, one_class), pools.classes[k].positives[all_areas]});
  }
  if (images.has_zero) {
    result.notes.push_back(
        "an annotation has id 0: matches with it count as misses, as in pycocotools; number ids from 1");
  }
}

}  // namespace skylift
