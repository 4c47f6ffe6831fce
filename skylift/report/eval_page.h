// A page about one evaluation: the numbers, curves, errors, confusions, and the images with the most errors drawn.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/eval/error_breakdown.h"
#include "skylift/eval/evaluation.h"

namespace skylift {

struct EvalPageOptions {
  std::string title = "Evaluation";
  double score = 0.3;     ///< what counts as a detection in the confusions and pictures
  int worst_images = 12;  ///< how many are drawn; 0: none
  int picture_px = 1000;  ///< longest side of a drawn image
};

/// Everything on the page is computed from these; images are read from the set's folder, and it is said if they are not
/// there.
void write_eval_page(const std::filesystem::path& file, const AnnotationSet& truth, const DetectionSet& detections,
                     const EvalResult& result, const ErrorBreakdown& errors, const EvalPageOptions& options = {});

}  // namespace skylift
