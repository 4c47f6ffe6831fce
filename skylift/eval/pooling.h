// From images to one list of judged detections for each class: the loop over images, in parallel.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/eval/matching.h"

namespace skylift {

/// One image as a protocol's rules leave it. Reused from image to image: `clear` first.
struct PreparedImage {
  struct Truth {
    MatchTruth match;
    int class_index;
  };
  struct Row {
    MatchDetection match;
    double score;
    int class_index;
  };
  std::vector<Truth> truths;  ///< in file order
  std::vector<Row> rows;      ///< detections in file order
  void clear() { truths.clear(), rows.clear(); }
};

/// What sets the protocols apart.
struct Rules {
  std::vector<double> thresholds;
  int areas = 1;
  std::vector<int> max_dets = {};    ///< ascending; empty: no limit
  bool limit_each_class = true;      ///< limits are for each image and class, or for an image's rows of all classes
  std::vector<double> recalls = {};  ///< where curves are sampled, ascending; empty: 0, 0.01 .. 1
  /// Adds what is evaluated of an image: objects and detections of class -1 may be added or left out.
  std::function<void(size_t image, PreparedImage& prepared)> prepare;
};

/// One detection after matching.
struct Judged {
  double score;
  int32_t class_index;
  int32_t rank;  ///< place by score in its image (or image and class): within limit m if rank < m
  std::array<Outcome, max_areas> outcomes;
};

struct ClassPool {
  std::span<Judged>
      judged;  ///< into Pools::judged, by descending score; equal scores in order of images, then of files
  std::array<int64_t, max_areas> positives{};  ///< objects that count
  int64_t objects = 0;                         ///< with those that are ignored
  int64_t images = 0;                          ///< images with at least one object of this class
};

struct Pools {
  std::vector<Judged> judged;  ///< grouped by class
  std::vector<ClassPool> classes;
};

/// `images` gives the order in which images are pooled.
Pools pool_detections(std::span<const size_t> images, int classes, const Rules& rules, int threads);

}  // namespace skylift
