// From the data set's samples to the network's: the random one of training and the plain one of evaluation.
#pragma once

#include <functional>

#include "skylift/core/rng.h"
#include "skylift/data/dataset.h"
#include "skylift/data/options.h"
#include "skylift/data/sample.h"

namespace skylift {

/// Sample `index` of a data set, ready for collate; all that is random comes from `rng`. Called from several threads at
/// once.
using SampleSource = std::function<Sample(int64_t index, Rng rng)>;

/// Tile, resize with a random factor, crop, flip, colours.
Sample training_sample(Sample sample, const AugmentOptions& augment, const Preprocess& preprocess, Rng rng);

/// Resize only.
Sample evaluation_sample(Sample sample, const Preprocess& preprocess);

/// Samples beyond the data set's are those of `unlabelled`, where there is one. The data sets must outlive the source.
SampleSource training_source(const Dataset& dataset, const DataOptions& options, const Dataset* unlabelled = nullptr);
SampleSource evaluation_source(const Dataset& dataset, const Preprocess& preprocess);

}  // namespace skylift
