// What an image costs, measured.
#pragma once

#include "skylift/data/dataset.h"
#include "skylift/infer/predictor.h"

namespace skylift {

/// The median time of an image of the set from its pixels to its boxes, in ms, after one that makes all ready.
double milliseconds_an_image(const Predictor& predictor, const Dataset& images);

}  // namespace skylift
