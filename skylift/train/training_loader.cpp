#include "skylift/train/training_loader.h"

#include "skylift/dist/processes.h"

namespace skylift {

std::unique_ptr<Loader> training_loader(const Dataset& train_set, const RunOptions& options) {
  const int batch_size = options.train.batch_size;
  return std::make_unique<Loader>(train_set.size(), training_source(train_set, options.data),
                                  LoaderOptions{.batch_size = batch_size,
                                                .shuffle = true,
                                                .drop_last = train_set.size() >= int64_t{batch_size} * process_count(),
                                                .seed = static_cast<uint64_t>(options.train.seed),
                                                .threads = options.data.threads,
                                                .part = process_rank(),
                                                .parts = process_count(),
                                                .prefetch = options.data.prefetch},
                                  options.data.input);
}

}  // namespace skylift
