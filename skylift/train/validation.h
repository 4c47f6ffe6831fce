// Scores a model on a data set: the predictor's detections against the annotations, by the chosen protocol.
#pragma once

#include "skylift/core/progress.h"
#include "skylift/data/dataset.h"
#include "skylift/eval/evaluation.h"
#include "skylift/infer/predictor.h"

namespace skylift {

struct Validation {
  EvalResult result;
  DetectionSet detections;  ///< parallel to the data set's images, class indices of its annotations
};

struct ValidationOptions {
  int batch_size = 4;
  int threads = 2;     ///< that decode and resize
  int64_t limit = 0;   ///< the first so many images only; 0: all
};

/// Predicts the images and evaluates. The model's classes are found in the data by name. Error: no class in common.
Validation validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval, const ValidationOptions& options,
                    const ProgressCallback& progress = {});

}  // namespace skylift
