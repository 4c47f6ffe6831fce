// The batches that a run trains on; the doctor examines the same ones.
#pragma once

#include <memory>

#include "skylift/data/loader.h"
#include "skylift/train/run_options.h"

namespace skylift {

/// Shuffled and augmented; of several processes (skylift/dist/processes.h) this one's. The last batch of an epoch is left
/// out unless it is full, or the only one. The data set must outlive the loader. Error: as Loader.
std::unique_ptr<Loader> training_loader(const Dataset& train_set, const RunOptions& options);

}  // namespace skylift
