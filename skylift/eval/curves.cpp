#include "skylift/eval/curves.h"

#include <algorithm>
#include <limits>

#include "skylift/core/parallel.h"

namespace skylift {
namespace {

/// Runs over a class's detections in order of score for one area range and all thresholds at once.
class CurveWalk {
 public:
  CurveWalk(std::span<const Judged> judged, int area, const Rules& rules)
      : hits(rules.thresholds.size()), hits_within(rules.max_dets.size() * rules.thresholds.size()) {
    const auto all = static_cast<uint16_t>((1U << rules.thresholds.size()) - 1);
    int64_t wrong_everywhere = 0;
    std::vector<int64_t> wrong(rules.thresholds.size());
    for (const auto& one : judged) {
      const auto outcome = one.outcomes[static_cast<size_t>(area)];
      const unsigned mistaken = all & ~(outcome.hit | outcome.excused);
      if (mistaken == all) {
        ++wrong_everywhere;  // by far the most common case
        continue;
      }
      for (size_t t = 0; t < wrong.size(); ++t) {
        wrong[t] += mistaken >> t & 1;
        if (!(outcome.hit >> t & 1)) continue;
        hits[t].push_back({one.score, static_cast<double>(wrong[t] + wrong_everywhere)});
        for (size_t m = 0; m < rules.max_dets.size(); ++m)
          hits_within[t * rules.max_dets.size() + m] += one.rank < rules.max_dets[m];
      }
    }
  }

  struct Hit {
    double score;
    double wrong_before;
    double precision = 0;  // after `envelope`: the highest from here on
  };
  std::vector<std::vector<Hit>> hits;  // by threshold, in order of score
  std::vector<int64_t> hits_within;    // [T,M]

  /// Precision at each hit, then the highest at this recall or above. Between hits precision only falls, so hits are
  /// all it takes.
  static void envelope(std::vector<Hit>& hits) {
    double count = 0, highest = 0;
    for (auto& hit : hits) {
      ++count;
      hit.precision = count / (hit.wrong_before + count + std::numeric_limits<double>::epsilon());
    }
    for (size_t i = hits.size(); i-- > 0;) hits[i].precision = highest = std::max(highest, hits[i].precision);
  }
};

/// Precision and score at each recall point: those of the first detection that reaches it, 0 where none does.
void sample(const std::vector<CurveWalk::Hit>& hits, double first_score, double positives,
            std::span<const double> recalls, double* precision, double* score, size_t stride) {
  size_t hit = 0;
  for (size_t r = 0; r < recalls.size(); ++r) {
    while (hit < hits.size() && static_cast<double>(hit + 1) / positives < recalls[r]) ++hit;
    precision[r * stride] = hit < hits.size() ? hits[hit].precision : 0;
    score[r * stride] = hit < hits.size() ? hits[hit].score : 0;
    if (recalls[r] <= 0) score[r * stride] = first_score;  // reached by the first detection, right or wrong
  }
}

double area_under_steps(const std::vector<CurveWalk::Hit>& hits, double positives) {
  double area = 0;
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto count = static_cast<double>(i);
    area += ((count + 1) / positives - count / positives) * hits[i].precision;
  }
  return area;
}

/// Where class k and area range a stand in the arrays.
struct Place {
  size_t k, classes, a, areas;
  size_t curve(size_t t, size_t recalls) const { return (t * recalls * classes + k) * areas + a; }
  size_t recall(size_t t, size_t limits) const { return ((t * classes + k) * areas + a) * limits; }
};

void draw(const ClassPool& pool, int64_t denominator, const Rules& rules, const Place& place, AllCurves& curves) {
  auto& sampled = curves.sampled;
  const auto positives = static_cast<double>(denominator);
  const size_t limits = rules.max_dets.size();
  CurveWalk walk(pool.judged, static_cast<int>(place.a), rules);
  for (size_t t = 0; t < rules.thresholds.size(); ++t) {
    CurveWalk::envelope(walk.hits[t]);
    const size_t at = place.curve(t, sampled.recalls.size());
    sample(walk.hits[t], pool.judged.empty() ? 0 : pool.judged.front().score, positives, sampled.recalls,
           &sampled.precision[at], &sampled.scores[at], place.classes * place.areas);
    for (size_t m = 0; m < limits; ++m) {
      sampled.recall[place.recall(t, limits) + m] = static_cast<double>(walk.hits_within[t * limits + m]) / positives;
    }
    if (place.a == 0) curves.all_point_ap[t * place.classes + place.k] = area_under_steps(walk.hits[t], positives);
  }
}

double pairwise_sum(std::span<const double> values) {
  const size_t count = values.size();
  if (count > 128) {
    const size_t half = count / 2 - count / 2 % 8;
    return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
  }
  double total = 0;
  size_t i = 0;
  if (count >= 8) {
    std::array<double, 8> lane{};
    for (; i + 8 <= count; i += 8) {
      for (size_t j = 0; j < 8; ++j) lane[j] += values[i + j];
    }
    total = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  }
  for (; i < count; ++i) total += values[i];
  return total;
}

}  // namespace

std::vector<double> linspace(double first, double last, int count) {
  std::vector<double> values;
  const double step = (last - first) / (count - 1);
  for (int i = 0; i < count; ++i) values.push_back(i * step + first);
  values.back() = last;
  return values;
}

double mean(std::span<const double> values) {
  return values.empty() ? -1 : pairwise_sum(values) / static_cast<double>(values.size());
}

double mean_of_defined(std::vector<double> values) {
  std::erase_if(values, [](double value) { return value <= -1; });
  return mean(values);
}

AllCurves draw_curves(const Pools& pools, const Denominators& denominators, const Rules& rules, int threads) {
  const size_t thresholds = rules.thresholds.size(), classes = pools.classes.size(),
               areas = static_cast<size_t>(rules.areas);
  AllCurves curves;
  auto& sampled = curves.sampled;
  sampled.thresholds = rules.thresholds;
  sampled.recalls = rules.recalls.empty() ? linspace(0, 1, 101) : rules.recalls;
  sampled.classes = static_cast<int>(classes);
  sampled.areas = rules.areas;
  sampled.precision.assign(thresholds * sampled.recalls.size() * classes * areas, -1);
  sampled.scores = sampled.precision;
  sampled.recall.assign(thresholds * classes * areas * rules.max_dets.size(), -1);
  curves.all_point_ap.assign(thresholds * classes, -1);
  parallel_for(classes * areas, threads, [&](size_t i) {
    const Place place{i / areas, classes, i % areas, areas};
    const int64_t denominator = denominators[place.k][place.a];
    if (denominator > 0) draw(pools.classes[place.k], denominator, rules, place, curves);
  });
  return curves;
}

}  // namespace skylift
