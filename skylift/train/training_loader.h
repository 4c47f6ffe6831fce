// The batches of a training run.
#pragma once

#include <memory>

#include "skylift/data/loader.h"
#include "skylift/train/run_options.h"

namespace skylift {

/// `teacher_scale`: batches hold the images as a teacher sees them, too (Batch::fine_images). `unlabelled` (null: none):
/// data.unlabelled_share of each batch. The data sets must outlive the loader.
std::unique_ptr<Loader> training_loader(const Dataset& train_set, const RunOptions& options,
                                        const ComputeDevice& compute, int teacher_scale = 1,
                                        const Dataset* unlabelled = nullptr);

/// Of a batch's images those without labels, where there are such images (data.unlabelled_share, rounded).
/// Error: a batch of one image.
int unlabelled_in_batch(const RunOptions& options);

/// The options under which images are so many times as large as the student's.
DataOptions enlarged(DataOptions options, int scale);

}  // namespace skylift
