#include "skylift/eval/coco_tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "skylift/core/error.h"
#include "skylift/eval/curves.h"

namespace skylift {
namespace {

/// Row numbers by image, in order within each.
struct ByImage {
  ByImage(std::span<const int32_t> images, int count) : first(static_cast<size_t>(count) + 1) {
    for (const int32_t image : images) {
      if (image >= 0) ++first[static_cast<size_t>(image) + 1];
    }
    std::partial_sum(first.begin(), first.end(), first.begin());
    rows.resize(first.back());
    std::vector<size_t> next = first;
    for (size_t row = 0; row < images.size(); ++row) {
      if (images[row] >= 0) rows[next[static_cast<size_t>(images[row])]++] = row;
    }
  }
  std::span<const size_t> of(size_t image) const {
    return std::span(rows).subspan(first[image], first[image + 1] - first[image]);
  }
  std::vector<size_t> first, rows;
};

template <class Columns>
void check_columns(const Columns& columns, const CocoParameters& parameters, const char* name) {
  const size_t rows = columns.images.size();
  if (columns.classes.size() != rows || columns.boxes.size() != rows || columns.areas.size() != rows)
    throw Error("{}: columns of different lengths", name);
  const auto beyond = [](std::span<const int32_t> places, int count) {
    return std::any_of(places.begin(), places.end(), [count](int32_t place) { return place >= count; });
  };
  if (beyond(columns.images, parameters.images)) throw Error("{}: a place beyond the images", name);
  if (beyond(columns.classes, parameters.classes)) throw Error("{}: a place beyond the classes", name);
  for (size_t row = 0; row < rows; ++row) {
    const BoxXywh& box = columns.boxes[row];
    if (!std::isfinite(box.x + box.y + box.w + box.h + columns.areas[row]))
      throw Error("{}: row {} has a box or an area that is no number", name, row);
  }
}

void check(const CocoTruths& truths, const CocoFound& found, const CocoParameters& parameters) {
  check_columns(truths, parameters, "ground truth");
  check_columns(found, parameters, "detections");
  if (truths.crowd.size() != truths.images.size() || truths.ids.size() != truths.images.size() ||
      found.scores.size() != found.images.size())
    throw Error("columns of different lengths");
  const auto bad =
      std::find_if_not(found.scores.begin(), found.scores.end(), [](double s) { return std::isfinite(s); });
  if (bad != found.scores.end())
    throw Error("detections: row {} has a score that is no number", bad - found.scores.begin());
  if (parameters.thresholds.empty() || parameters.recalls.empty() || parameters.area_ranges.empty() ||
      parameters.max_dets.empty())
    throw Error("iouThrs, recThrs, areaRng and maxDets: expected at least one of each");
}

/// The part of the tables that one pass of the matching gives: its bits hold so many thresholds and area ranges.
struct Block {
  size_t first_threshold, thresholds, first_area, areas;
};

class Tables {
 public:
  Tables(const CocoTruths& truths, const CocoFound& found, const CocoParameters& parameters)
      : truths_(truths),
        found_(found),
        parameters_(parameters),
        truth_rows_(truths.images, parameters.images),
        found_rows_(found.images, parameters.images) {
    const size_t cells = parameters.thresholds.size() * static_cast<size_t>(parameters.classes) *
                         parameters.area_ranges.size() * parameters.max_dets.size();
    tables_.recall.assign(cells, -1);
    tables_.precision.assign(cells * parameters.recalls.size(), -1);
    tables_.scores = tables_.precision;
  }

  CocoTables take() && { return std::move(tables_); }

  void fill(const Block& block) {
    const auto from = parameters_.thresholds.begin() + static_cast<std::ptrdiff_t>(block.first_threshold);
    Rules rules{.thresholds = {from, from + static_cast<std::ptrdiff_t>(block.thresholds)},
                .areas = static_cast<int>(block.areas),
                .max_dets = {parameters_.max_dets.back()},
                .recalls = parameters_.recalls,
                .prepare = [&](size_t image, PreparedImage& prepared) { prepare(image, prepared, block); }};
    std::vector<size_t> images(static_cast<size_t>(parameters_.images));
    std::iota(images.begin(), images.end(), size_t{0});
    const Pools all = pool_detections(images, parameters_.classes, rules, parameters_.threads);
    Denominators denominators;
    for (const ClassPool& pool : all.classes) denominators.push_back(pool.positives);
    for (size_t m = 0; m < parameters_.max_dets.size(); ++m) {
      rules.max_dets = {parameters_.max_dets[m]};
      const Pools some = best_of(all, parameters_.max_dets[m]);
      store(draw_curves(some, denominators, rules, parameters_.threads).sampled, block, m);
    }
  }

 private:
  uint8_t areas_without(double area, const Block& block) const {
    uint8_t bits = 0;
    for (size_t a = 0; a < block.areas; ++a) {
      const auto& [low, high] = parameters_.area_ranges[block.first_area + a];
      if (area < low || area > high) bits |= static_cast<uint8_t>(1U << a);
    }
    return bits;
  }

  void prepare(size_t image, PreparedImage& prepared, const Block& block) const {
    for (const size_t row : truth_rows_.of(image)) {
      const bool crowd = truths_.crowd[row] != 0;
      const MatchTruth match{.box = truths_.boxes[row],
                             .ignored_in = crowd ? uint8_t{0xff} : areas_without(truths_.areas[row], block),
                             .shared = crowd,
                             .match_is_miss = truths_.ids[row] == 0};
      if (truths_.classes[row] >= 0) prepared.truths.push_back({match, truths_.classes[row]});
    }
    for (const size_t row : found_rows_.of(image)) {
      if (found_.classes[row] < 0) continue;
      const MatchDetection match{found_.boxes[row], areas_without(found_.areas[row], block)};
      prepared.rows.push_back({match, found_.scores[row], found_.classes[row]});
    }
  }

  /// What a smaller limit leaves: the matching is that of the largest one, as in pycocotools.
  static Pools best_of(const Pools& all, int limit) {
    Pools some{.judged = {}, .classes = all.classes};
    some.judged.reserve(all.judged.size());  // the spans stay where they are
    for (ClassPool& pool : some.classes) {
      const size_t first = some.judged.size();
      std::copy_if(pool.judged.begin(), pool.judged.end(), std::back_inserter(some.judged),
                   [limit](const Judged& one) { return one.rank < limit; });
      pool.judged = std::span(some.judged).subspan(first);
    }
    return some;
  }

  void store(const EvalCurves& curves, const Block& block, size_t m) {
    const size_t points = parameters_.recalls.size(), classes = static_cast<size_t>(parameters_.classes);
    const size_t areas = parameters_.area_ranges.size(), limits = parameters_.max_dets.size();
    for (size_t t = 0; t < block.thresholds; ++t) {
      const size_t to_t = block.first_threshold + t;
      for (size_t k = 0; k < classes; ++k) {
        for (size_t a = 0; a < block.areas; ++a) {
          const size_t to_a = block.first_area + a;
          tables_.recall[((to_t * classes + k) * areas + to_a) * limits + m] =
              curves.recall[(t * classes + k) * block.areas + a];
          for (size_t r = 0; r < points; ++r) {
            const size_t from = ((t * points + r) * classes + k) * block.areas + a;
            const size_t to = (((to_t * points + r) * classes + k) * areas + to_a) * limits + m;
            tables_.precision[to] = curves.precision[from];
            tables_.scores[to] = curves.scores[from];
          }
        }
      }
    }
  }

  const CocoTruths& truths_;
  const CocoFound& found_;
  const CocoParameters& parameters_;
  const ByImage truth_rows_, found_rows_;
  CocoTables tables_;
};

}  // namespace

CocoTables coco_tables(const CocoTruths& truths, const CocoFound& found, const CocoParameters& parameters) {
  check(truths, found, parameters);
  Tables tables(truths, found, parameters);
  for (size_t t = 0; t < parameters.thresholds.size(); t += max_thresholds) {
    const size_t thresholds = std::min<size_t>(max_thresholds, parameters.thresholds.size() - t);
    for (size_t a = 0; a < parameters.area_ranges.size(); a += max_areas)
      tables.fill({t, thresholds, a, std::min<size_t>(max_areas, parameters.area_ranges.size() - a)});
  }
  return std::move(tables).take();
}

}  // namespace skylift
