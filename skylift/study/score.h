// What a finished model is worth: its cost at the run's input size and its detections on the run's validation images.
#pragma once

#include <filesystem>

#include "skylift/models/cost.h"
#include "skylift/train/run_options.h"
#include "skylift/train/validation.h"

namespace skylift {

struct FinishedModel {
  PartCost cost;         ///< of one image of data.input's size
  DetectedSet detected;  ///< on data.val
};

/// Error: no such model; a class of it that the images do not know.
FinishedModel detect_finished(const std::filesystem::path& model, const RunOptions& options,
                              const ProgressCallback& progress = {});

}  // namespace skylift
