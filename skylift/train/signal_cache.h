// The teacher's signals of a whole training set, stored once and read instead of running the teacher (kd.cache).
//
// Stored are the logits at the locations that the chosen methods look at, in half precision, of each image and, where
// training mirrors, of its mirror image too: a network's answer to a mirrored image is not its mirrored answer. Other
// random changes of the image (scale, crops, tiles, colours) cannot be replayed and are refused. Each image is shown to
// the teacher alone, padded to its own size; beside larger images of a batch a live teacher's group norm would see more
// padding.
#pragma once

#include <filesystem>
#include <optional>

#include "skylift/core/progress.h"
#include "skylift/data/dataset.h"
#include "skylift/kd/signal_file.h"
#include "skylift/train/run_options.h"
#include "skylift/train/teacher.h"

namespace skylift {

class SignalCache {
 public:
  /// Opens the file options.kd.cache, or makes it: then the teacher runs once over the training images.
  /// Error: a method or an augmentation that cannot use stored signals; a file of another teacher, other data or other
  /// options (names the first difference).
  SignalCache(const RunOptions& options, const Dataset& train_set, const Teacher& teacher,
              const ProgressCallback& progress = {});

  /// Of a batch of the training set. The tensors live as long as the cache.
  StoredBatch read(const Batch& batch) const;

  /// What stands for the teacher's output: its strides and bins, no maps.
  const DenseOutput& shape() const { return shape_; }

 private:
  void make(const RunOptions& options, const Dataset& train_set, const Teacher& teacher, const SignalMetadata& metadata,
            const ProgressCallback& progress) const;

  std::filesystem::path path_;
  int64_t orientations_;  ///< 1, or 2 where training mirrors
  DenseOutput shape_;
  std::optional<SignalFile> file_;
};

/// Error: methods or augmentation that stored signals cannot serve; says which options to set.
void check_cacheable(const RunOptions& options);

}  // namespace skylift
