// The VisDrone-DET toolkit's protocol and UAVDT's, which is built of the same pieces.
#include <algorithm>
#include <numeric>

#include "skylift/core/error.h"
#include "skylift/eval/curves.h"
#include "skylift/eval/ignored_regions.h"
#include "skylift/eval/protocols.h"

namespace skylift {
namespace {

std::vector<size_t> file_order(const AnnotationSet& truth) {
  std::vector<size_t> order(truth.images.size());
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

MatchTruth as_truth(const Object& object) {
  const bool ignored = object.ignored || object.crowd;
  return {.box = object.box, .ignored_in = static_cast<uint8_t>(ignored ? 0xff : 0), .shared = ignored};
}

void prepare_visdrone(const ImageRecord& image, const std::vector<Detection>& detections, PreparedImage& prepared) {
  const bool has_regions = !image.ignored_regions.empty();
  if (has_regions && (image.width <= 0 || image.height <= 0)) {
    throw Error(
        "{}: the image has ignored regions but its size is not known, expected width and height: "
        "the VisDrone protocol needs them to find what regions cover (read the sizes from the images first)",
        image.file);
  }
  const IgnoredRegions regions(image.ignored_regions, std::max(image.width, 1), std::max(image.height, 1));
  for (const auto& object : image.objects) {
    if (!has_regions || !regions.covers(object.box)) prepared.truths.push_back({as_truth(object), object.class_index});
  }
  for (const auto& detection : detections) {  // those of no class too: they take rows of the list
    if (!has_regions || !regions.covers(detection.box)) {
      prepared.rows.push_back({{detection.box}, detection.score, detection.class_index});
    }
  }
}

bool strictly_inside(const BoxXywh& box, const BoxXywh& region) {
  return box.x > region.x && box.y > region.y && box.x + box.w < region.x + region.w &&
         box.y + box.h < region.y + region.h;
}

void prepare_uavdt(const ImageRecord& image, const std::vector<Detection>& detections, bool with_classes,
                   PreparedImage& prepared) {
  for (const auto& object : image.objects) {
    if (object.class_index >= 0) prepared.truths.push_back({as_truth(object), with_classes ? object.class_index : 0});
  }
  for (const auto& detection : detections) {
    const bool dropped = std::any_of(image.ignored_regions.begin(), image.ignored_regions.end(),
                                     [&](const BoxXywh& region) { return strictly_inside(detection.box, region); });
    if (detection.class_index < 0 || dropped) continue;
    prepared.rows.push_back({{detection.box}, detection.score, with_classes ? detection.class_index : 0});
  }
}

/// Entries [T,K] of classes, each as often as the class's weight.
struct WeightedMean {
  const std::vector<int64_t>& weights;  // [K]

  double operator()(const std::vector<double>& values, int threshold = -1) const {
    const size_t classes = weights.size();
    double sum = 0;
    int64_t count = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (threshold >= 0 && i / classes != static_cast<size_t>(threshold)) continue;
      if (weights[i % classes] == 0) continue;
      sum += values[i] * static_cast<double>(weights[i % classes]);
      count += weights[i % classes];
    }
    return count > 0 ? sum / static_cast<double>(count) : -1;
  }
};

EvalMeans summarise(const AllCurves& curves, size_t limits, const std::vector<int64_t>& weights) {
  const WeightedMean mean{weights};
  EvalMeans means;
  means.ap = mean(curves.all_point_ap);
  means.ap50 = mean(curves.all_point_ap, 0);
  means.ap75 = mean(curves.all_point_ap, 5);
  for (size_t m = 0; m < limits; ++m) {
    std::vector<double> recall;
    for (size_t i = m; i < curves.sampled.recall.size(); i += limits) recall.push_back(curves.sampled.recall[i]);
    means.ar.push_back(mean(recall));
  }
  return means;
}

/// 0.5 + 0.05 k, each rounded once.
std::vector<double> visdrone_thresholds() {
  std::vector<double> thresholds;
  for (int k = 0; k < 10; ++k) thresholds.push_back(0.5 + 0.05 * k);
  return thresholds;
}

constexpr int uavdt_threshold = 1;  // of the three below: 0.7

AllCurves uavdt_curves(const AnnotationSet& truth, const DetectionSet& detections, bool with_classes, int threads,
                       Pools& pools) {
  const Rules rules{.thresholds = {0.5, 0.7, 0.75}, .prepare = [&](size_t image, PreparedImage& prepared) {
                      prepare_uavdt(truth.images[image], detections[image], with_classes, prepared);
                    }};
  pools = pool_detections(file_order(truth), with_classes ? static_cast<int>(truth.classes.size()) : 1, rules, threads);
  Denominators denominators;
  for (const auto& pool : pools.classes) denominators.push_back(pool.positives);
  return draw_curves(pools, denominators, rules, threads);
}

}  // namespace

void evaluate_visdrone(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                       EvalResult& result) {
  const Rules rules{.thresholds = visdrone_thresholds(),
                    .max_dets = result.max_dets,
                    .limit_each_class = false,
                    .prepare = [&](size_t image, PreparedImage& prepared) {
                      prepare_visdrone(truth.images[image], detections[image], prepared);
                    }};
  const Pools pools =
      pool_detections(file_order(truth), static_cast<int>(truth.classes.size()), rules, options.threads);
  Denominators denominators;
  std::vector<int64_t> by_images, equal;
  for (const auto& pool : pools.classes) {
    const int64_t objects = options.count_ignored_in_recall ? pool.objects : pool.positives[0];
    denominators.push_back({pool.images > 0 ? std::max<int64_t>(1, objects) : 0});
    by_images.push_back(pool.images);
    equal.push_back(pool.images > 0);
  }
  AllCurves curves = draw_curves(pools, denominators, rules, options.threads);
  result.uniform = summarise(curves, result.max_dets.size(), equal);
  result.means =
      options.class_average == "uniform" ? result.uniform : summarise(curves, result.max_dets.size(), by_images);
  for (size_t k = 0; k < pools.classes.size(); ++k) {
    std::vector<int64_t> only(pools.classes.size());
    only[k] = equal[k];
    const WeightedMean mean{only};
    result.per_class.push_back(
        {truth.classes[k], mean(curves.all_point_ap), mean(curves.all_point_ap, 0), pools.classes[k].positives[0]});
  }
  result.curves = std::move(curves.sampled);
}

void evaluate_uavdt(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                    EvalResult& result) {
  if (!options.max_dets.empty())
    throw Error("max_dets: got {} of them, expected none: the uavdt protocol has no limit", options.max_dets.size());
  Pools pools;
  AllCurves curves = uavdt_curves(truth, detections, false, options.threads, pools);
  result.means.ap50 = curves.all_point_ap[0];
  result.means.ap = curves.all_point_ap[uavdt_threshold];
  result.means.ap75 = curves.all_point_ap[2];
  result.uniform = result.means;
  result.curves = std::move(curves.sampled);

  // The toolkit has no classes; the same rule for each class alone says where the score comes from.
  const AllCurves classes = uavdt_curves(truth, detections, true, options.threads, pools);
  for (size_t k = 0; k < truth.classes.size(); ++k) {
    result.per_class.push_back({truth.classes[k], classes.all_point_ap[uavdt_threshold * truth.classes.size() + k],
                                classes.all_point_ap[k], pools.classes[k].positives[0]});
  }
}

}  // namespace skylift
