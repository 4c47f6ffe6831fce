// COCOeval's tables for any of its parameters, from columns: what stands behind skylift.coco in Python. The numbers are
// pycocotools' own, down to the last bit of `precision`; `evaluate` (evaluation.h) is for people, with one set of
// parameters.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Objects, a column each. Images and classes are places, -1: not evaluated.
struct CocoTruths {
  std::span<const int32_t> images, classes;
  std::span<const BoxXywh> boxes;  ///< px
  std::span<const double> areas;   ///< px^2
  std::span<const uint8_t> crowd;  ///< not 0: neither a hit nor a miss, excuses any number of detections
  std::span<const int64_t> ids;    ///< a match with id 0 counts as a miss, as in pycocotools
};

struct CocoFound {
  std::span<const int32_t> images, classes;
  std::span<const BoxXywh> boxes;
  std::span<const double> areas;
  std::span<const double> scores;
};

struct CocoParameters {
  int images = 0, classes = 0;
  std::vector<double> thresholds;                  ///< [T] IoU
  std::vector<double> recalls;                     ///< [R] ascending
  std::vector<std::array<double, 2>> area_ranges;  ///< [A] px^2, both ends included
  std::vector<int> max_dets;                       ///< [M] ascending
  int threads = 0;                                 ///< 0: one per core
};

/// -1 where there is no ground truth.
struct CocoTables {
  std::vector<double> precision, scores;  ///< [T,R,K,A,M]
  std::vector<double> recall;             ///< [T,K,A,M]
};

/// Error: columns of different lengths, a place out of range, a number that is none, no thresholds, recalls, ranges or
/// limits.
CocoTables coco_tables(const CocoTruths& truths, const CocoFound& found, const CocoParameters& parameters);

}  // namespace skylift
