// Why a detector loses AP: each false positive and each missed object gets one reason, and for each reason the AP that
// would be won if only it were mended. The definitions are those of TIDE (Bolya et al. 2020, "TIDE: A General Toolbox
// for Identifying Object Detection Errors"), and the numbers those of the package tidecv, at IoU 0.5 with background
// below 0.1:
//   classification  overlaps an object of another class by at least 0.5
//   localisation    overlaps an object of its class, but by less than 0.5
//   both            neither the class nor the place: overlaps something by more than 0.1
//   duplicate       overlaps an object of its class that a detection of higher score has taken
//   background      overlaps nothing by more than 0.1
//   missed          an object that no detection would hit if its class or place were mended
// Differs: a detection that an ignored region or object excuses is no error at all; tidecv looks for a reason all the
// same.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/detections.h"

namespace skylift {

enum class ErrorKind { classification, localisation, both, duplicate, background, missed };
inline constexpr size_t error_kinds = 6;
const char* name_of(ErrorKind kind);

struct ErrorOptions {
  double match_iou = 0.5;       ///< a hit from here on
  double background_iou = 0.1;  ///< nothing is there below
  int max_dets = 500;           ///< detections of an image by score, all classes together (tidecv's default is 100)
  int threads = 0;              ///< 0: one per core
};

/// How often, and the AP (0..1, at match_iou, 101 points) that would be won without these errors.
struct ErrorShare {
  int64_t count = 0;
  double lost_ap = 0;
};

/// An error, for drawing.
struct DetectionError {
  ErrorKind kind;
  int detection;  ///< index into the image's list; -1: missed
  int object;     ///< index into the image's objects: what was missed or should have been hit; -1: none
};

struct ErrorBreakdown {
  double ap = 0;                            ///< mean over classes with objects or detections, as TIDE has it
  std::array<ErrorShare, error_kinds> all;  ///< by ErrorKind
  std::array<std::array<ErrorShare, error_kinds>, 3>
      by_size;                                  ///< small, medium, large: of the object, or of a detection without one
  ErrorShare false_positives, false_negatives;  ///< all of the former to the end of the list; none of the latter
  std::vector<std::vector<DetectionError>> images;  ///< parallel to the set's images
};

/// Error: as `evaluate` for detections that do not fit `truth`.
ErrorBreakdown break_down_errors(const AnnotationSet& truth, const DetectionSet& detections,
                                 const ErrorOptions& options = {});

/// Who is taken for whom at one score.
struct Confusion {
  std::vector<std::string> names;  ///< the classes, then "background"
  std::vector<int64_t> counts;     ///< [truth, detection]; background's row: false alarms, its column: missed objects
  int64_t at(size_t truth, size_t detection) const { return counts[truth * names.size() + detection]; }
};

/// Detections of at least `score` take the free object of any class that they overlap most, by at least match_iou, best
/// score first. Ignored objects and regions excuse what overlaps them so.
Confusion count_confusions(const AnnotationSet& truth, const DetectionSet& detections, double score,
                           const ErrorOptions& options = {});

/// JSON: {"AP50", "all": {kind: {count, lost_ap}}, "small": ..., "false_positives": ..., "false_negatives": ...}.
std::string to_json(const ErrorBreakdown& errors);
/// A table of kinds by size.
std::string to_text(const ErrorBreakdown& errors);

}  // namespace skylift
