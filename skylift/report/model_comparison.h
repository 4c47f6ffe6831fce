// The part of a report that compares models on the same images: cost, precision over recall, errors, and what each
// finds that the first one does not.
#pragma once

#include <string>
#include <vector>

#include "skylift/eval/error_breakdown.h"
#include "skylift/eval/evaluation.h"

namespace skylift {

struct ComparedModel {
  std::string name;
  DetectionSet detections;  ///< parallel to the truth's images
  EvalResult result;
  EvalResult by_size;  ///< by the COCO protocol, which alone knows small, medium and large objects
  ErrorBreakdown errors;
  double parameters = 0, gmacs = 0;  ///< gmacs of one image at the input size
  double milliseconds = 0;           ///< an image, measured: from pixels to boxes
  std::string engine;                ///< where: "libtorch, cpu, 2 threads"
};

struct ModelComparison {
  AnnotationSet truth;  ///< of the classes on which all of them are scored
  std::vector<ComparedModel> models;
  std::string note = {};  ///< what a reader has to know of the comparison; may be empty
  size_t baseline = 0;    ///< the model that the pictures mark gains and losses against
  double score = 0.3;     ///< what counts as found in the pictures
  int pictures = 6;       ///< images that are shown, those with the most gains and losses
  int picture_px = 560;   ///< longest side
};

/// HTML. Without models: empty.
std::string comparison_section(const ModelComparison& comparison);

/// For each object of an image whether a detection of its class and at least this score hits it, the best detection
/// first, at IoU 0.5. Objects that are neither hits nor misses count as found by nobody.
std::vector<bool> found_objects(const ImageRecord& image, const std::vector<Detection>& detections, double score);

}  // namespace skylift
