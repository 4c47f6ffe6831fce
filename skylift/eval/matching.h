// The matching that all protocols share: greedy by score, the best free object first, ignored objects last.
// (Lin et al. 2014, the COCO evaluation; the VisDrone toolkit's rule is the same in other words.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

inline constexpr int max_areas = 4;        ///< area ranges evaluated side by side
inline constexpr int max_thresholds = 16;  ///< bits of an Outcome

/// One object of one class and image as the matching sees it.
struct MatchTruth {
  BoxXywh box;
  uint8_t ignored_in = 0;      ///< bit a: neither a hit nor a miss in area range a
  bool shared = false;         ///< excuses any number of detections, overlap = intersection / detection's area
  bool match_is_miss = false;  ///< pycocotools' annotation id 0: it is taken, but the detection counts as unmatched
};

struct MatchDetection {
  BoxXywh box;
  uint8_t outside = 0;  ///< bit a: its area is outside of range a, so without a match it does not count there
};

/// What became of a detection: bit t for threshold t. Neither bit: a false positive.
struct Outcome {
  uint16_t hit = 0;      ///< matched to an object that counts
  uint16_t excused = 0;  ///< neither right nor wrong
};

/// Overlap of two boxes as pycocotools computes it, operation by operation.
double overlap(const BoxXywh& detection, const BoxXywh& truth, bool over_detection_area);

/// Matches detections (by descending score) with objects (in file order) for each threshold and area range.
/// Keeps its buffers between calls: one Matcher per thread.
class Matcher {
 public:
  Matcher(std::vector<double> thresholds, int areas) : thresholds_(std::move(thresholds)), areas_(areas) {}

  /// outcomes[d * areas + a].
  std::span<const Outcome> match(std::span<const MatchTruth> truths, std::span<const MatchDetection> detections);

 private:
  struct Candidate {
    uint32_t truth;
    double overlap;
  };
  void find_candidates(std::span<const MatchTruth> truths, std::span<const MatchDetection> detections);
  void match_area(std::span<const MatchTruth> truths, std::span<const MatchDetection> detections, int area);
  /// Index of the object that a detection takes, or -1.
  int best(std::span<const Candidate> candidates, std::span<const MatchTruth> truths, size_t threshold, int area) const;

  std::vector<double> thresholds_;
  int areas_;
  std::vector<Candidate> candidates_;      // overlapping at least as much as the lowest threshold asks
  std::vector<uint32_t> first_candidate_;  // by detection, and one more
  std::vector<uint16_t> taken_;            // by object: bit t
  std::vector<Outcome> outcomes_;
};

}  // namespace skylift
