// The images of a set with the most errors at a score, drawn.
#pragma once

#include <string>
#include <vector>

#include "skylift/eval/error_breakdown.h"

namespace skylift {

struct ErrorPicture {
  std::string caption;
  std::string jpeg;  ///< empty: the image could not be read, the caption says why
};

/// Worst first; images without an error are left out. Hits are thin and green, errors in the colours of their kinds.
std::vector<ErrorPicture> draw_worst_images(const AnnotationSet& truth, const DetectionSet& detections, double score,
                                            int count, int longest_px);

/// "#rrggbb" of a kind in the pictures.
const char* colour_of(ErrorKind kind);

}  // namespace skylift
