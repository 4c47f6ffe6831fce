#include "skylift/eval/error_breakdown.h"

#include <algorithm>
#include <functional>

#include "skylift/core/parallel.h"
#include "skylift/eval/error_matching.h"
#include "skylift/eval/evaluation.h"

namespace skylift {
namespace {

/// All points of a set by descending score, and the objects of each class.
struct PointSet {
  std::vector<ErrorPoint> points;
  std::vector<int64_t> objects;
};

/// The list of one class while it is built: only the hits and what stands before each matter.
struct ClassList {
  int64_t objects = 0, points = 0;
  std::vector<double> precision;  // at each hit

  void add(bool right) {
    ++points;
    if (right) precision.push_back(static_cast<double>(precision.size() + 1) / static_cast<double>(points));
  }

  /// Mean over 101 recalls of the highest precision at that recall or above.
  double ap() {
    if (objects <= 0) return 0;
    double highest = 0, sum = 0;
    for (size_t i = precision.size(); i-- > 0;) precision[i] = highest = std::max(highest, precision[i]);
    size_t hit = 0;
    for (int r = 0; r <= 100; ++r) {
      while (hit < precision.size() && static_cast<double>(hit + 1) / static_cast<double>(objects) < r / 100.0) ++hit;
      if (hit < precision.size()) sum += precision[hit];
    }
    return sum / 101;
  }
};

double mean_ap(std::vector<ClassList>& classes) {
  double sum = 0;
  int64_t count = 0;
  for (auto& one : classes) {
    if (one.objects == 0 && one.points == 0) continue;
    sum += one.ap();
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

std::vector<ClassList> empty_lists(const PointSet& set) {
  std::vector<ClassList> classes(set.objects.size());
  for (size_t k = 0; k < classes.size(); ++k) classes[k].objects = set.objects[k];
  return classes;
}

/// AP with the errors mended for which `mended` holds.
double ap_with(const PointSet& set, const std::function<bool(const ErrorPoint&)>& mended) {
  auto classes = empty_lists(set);
  for (const auto& point : set.points) {
    auto& own = classes[static_cast<size_t>(point.class_index)];
    if (point.right) {
      own.add(true);
    } else if (!mended(point)) {
      if (point.kind != ErrorKind::missed) own.add(false);
    } else if (point.kind == ErrorKind::missed) {
      --own.objects;
    } else if (point.fixed_class >= 0) {
      classes[static_cast<size_t>(point.fixed_class)].add(true);
    }
  }
  return mean_ap(classes);
}

/// AP with every false positive behind all hits, or with no object left that is not hit.
double ap_without(const PointSet& set, bool false_positives) {
  auto classes = empty_lists(set);
  std::vector<int64_t> hits(classes.size());
  for (const auto& point : set.points) {
    auto& own = classes[static_cast<size_t>(point.class_index)];
    hits[static_cast<size_t>(point.class_index)] += point.right;
    if (point.right || (!false_positives && point.kind != ErrorKind::missed)) own.add(point.right);
  }
  for (const auto& point : set.points) {
    if (false_positives && !point.right && point.kind != ErrorKind::missed)
      classes[static_cast<size_t>(point.class_index)].add(false);
  }
  for (size_t k = 0; k < classes.size() && !false_positives; ++k) classes[k].objects = hits[k];
  return mean_ap(classes);
}

PointSet collect(const AnnotationSet& truth, std::vector<ImageErrors>& images) {
  PointSet set;
  set.objects.resize(truth.classes.size());
  for (size_t i = 0; i < images.size(); ++i) {
    for (const int g : counted_objects(truth.images[i]))
      ++set.objects[static_cast<size_t>(truth.images[i].objects[g].class_index)];
    set.points.insert(set.points.end(), images[i].points.begin(), images[i].points.end());
    std::vector<ErrorPoint>().swap(images[i].points);
  }
  std::stable_sort(set.points.begin(), set.points.end(),
                   [](const ErrorPoint& a, const ErrorPoint& b) { return a.score > b.score; });
  return set;
}

void fill_shares(const PointSet& set, ErrorBreakdown& result, int threads) {
  for (const int64_t objects : set.objects) result.false_negatives.count += objects;
  for (const auto& point : set.points) {
    if (point.right) --result.false_negatives.count;
    if (point.right) continue;
    const auto kind = static_cast<size_t>(point.kind);
    ++result.all[kind].count;
    ++result.by_size[point.size][kind].count;
    result.false_positives.count += point.kind != ErrorKind::missed;
  }
  result.ap = ap_with(set, [](const ErrorPoint&) { return false; });
  const auto gain = [&](double ap) { return std::max(0.0, ap - result.ap); };
  parallel_for(4 * error_kinds + 2, threads, [&](size_t i) {
    if (i == 4 * error_kinds) result.false_positives.lost_ap = gain(ap_without(set, true));
    if (i == 4 * error_kinds + 1) result.false_negatives.lost_ap = gain(ap_without(set, false));
    if (i >= 4 * error_kinds) return;
    const auto kind = static_cast<ErrorKind>(i % error_kinds);
    const size_t size = i / error_kinds;  // 3: all sizes
    auto& share = size < 3 ? result.by_size[size][i % error_kinds] : result.all[i % error_kinds];
    share.lost_ap = gain(
        ap_with(set, [&](const ErrorPoint& point) { return point.kind == kind && (size == 3 || point.size == size); }));
  });
}

}  // namespace

const char* name_of(ErrorKind kind) {
  static constexpr std::array<const char*, error_kinds> names = {"classification", "localisation", "both",
                                                                 "duplicate",      "background",   "missed"};
  return names[static_cast<size_t>(kind)];
}

ErrorBreakdown break_down_errors(const AnnotationSet& truth, const DetectionSet& detections,
                                 const ErrorOptions& options) {
  check_detections(truth, detections);
  std::vector<ImageErrors> images(truth.images.size());
  parallel_for(images.size(), options.threads,
               [&](size_t i) { images[i] = match_errors(truth.images[i], detections[i], options); });
  ErrorBreakdown result;
  fill_shares(collect(truth, images), result, options.threads);
  for (auto& image : images) result.images.push_back(std::move(image.errors));
  return result;
}

}  // namespace skylift
