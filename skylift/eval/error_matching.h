// One image of the error breakdown: which detection hits what, and why the others do not.
#pragma once

#include <optional>
#include <vector>

#include "skylift/eval/error_breakdown.h"

namespace skylift {

/// A detection or a missed object after the image has been looked at.
struct ErrorPoint {
  double score = 0;
  int class_index = 0;
  bool right = false;  ///< then `kind` says nothing
  ErrorKind kind = ErrorKind::missed;
  int fixed_class = -1;  ///< once mended it is a hit of this class; -1: it is gone
  uint8_t size = 0;      ///< 0 small, 1 medium, 2 large
};

struct ImageErrors {
  std::vector<ErrorPoint> points;  ///< by descending score, missed objects last
  std::vector<DetectionError> errors;
};

/// Detections of an image by descending score, those of no class left out.
std::vector<int> by_score(const std::vector<Detection>& detections, double least_score);

/// A detection that overlaps nothing that counts is excused by an ignored object of its class, or by a region.
bool is_excused(const ImageRecord& image, const Detection& detection, double match_iou, bool any_class);

/// Objects that count: of a class, neither crowd nor ignored.
std::vector<int> counted_objects(const ImageRecord& image);

ImageErrors match_errors(const ImageRecord& image, const std::vector<Detection>& detections,
                         const ErrorOptions& options);

}  // namespace skylift
