// What is kept of a trained detector: Light-ML folded (exactly) into the predictors and one 1x1 convolution a branch,
// or dropped where it served in training only.
#pragma once

#include <memory>
#include <vector>

#include "skylift/models/detector.h"
#include "skylift/models/tensor_file.h"

namespace skylift {

struct DetectorState {
  ModelOptions options;
  std::vector<NamedTensor> tensors;
};

/// The tensors as they are, sharing memory.
DetectorState plain_state(const Detector& detector);

/// With Light-ML folded or dropped; a module that cannot be folded stays as it is, and a warning says why.
DetectorState folded_state(const Detector& detector);

/// A detector of its own with this state, in eval mode. Draws no random numbers from the default generator.
/// Error, beginning with `where`: the tensors are not those of the options.
std::shared_ptr<Detector> make_detector(const DetectorState& state, int class_count, const std::string& where);

}  // namespace skylift
