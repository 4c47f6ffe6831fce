// What a model finds on a few validation images, drawn: a look at a run while it works.
#pragma once

#include <vector>

#include "skylift/data/dataset.h"
#include "skylift/image/draw.h"
#include "skylift/infer/predictor.h"

namespace skylift {

/// The first few images with the detections that a person would call sure, small enough for a log; the captions are the
/// images' names.
std::vector<Picture> validation_pictures(const Predictor& predictor, const Dataset& dataset);

}  // namespace skylift
