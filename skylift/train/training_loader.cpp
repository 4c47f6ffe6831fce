#include "skylift/train/training_loader.h"

#include <algorithm>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/dist/processes.h"

namespace skylift {

int unlabelled_in_batch(const RunOptions& options) {
  const int batch = options.train.batch_size;
  if (options.data.unlabelled_share == 0) return 0;
  if (batch < 2)
    throw Error(
        "data.unlabelled: a batch of one image has no place for labelled and other ones (hint: "
        "train.batch_size=2)");
  return std::clamp(static_cast<int>(std::lround(options.data.unlabelled_share * batch)), 1, batch - 1);
}

DataOptions enlarged(DataOptions options, int scale) {
  for (int* length :
       {&options.input.long_side, &options.input.short_side, &options.input.pad_multiple, &options.augment.crop_px})
    *length *= scale;
  return options;
}

std::unique_ptr<Loader> training_loader(const Dataset& train_set, const RunOptions& options,
                                        const ComputeDevice& compute, int teacher_scale, const Dataset* unlabelled) {
  const int besides = unlabelled ? unlabelled_in_batch(options) : 0, batch_size = options.train.batch_size - besides;
  if (besides > 0) log_info("a batch has {} labelled and {} unlabelled images", batch_size, besides);
  const DataOptions data = enlarged(options.data, teacher_scale);
  return std::make_unique<Loader>(train_set.size(), training_source(train_set, data, unlabelled),
                                  LoaderOptions{.batch_size = batch_size,
                                                .shuffle = true,
                                                .drop_last = train_set.size() >= int64_t{batch_size} * process_count(),
                                                .seed = static_cast<uint64_t>(options.train.seed),
                                                .threads = options.data.threads,
                                                .part = process_rank(),
                                                .parts = process_count(),
                                                .unlabelled = besides,
                                                .unlabelled_count = unlabelled ? unlabelled->size() : 0,
                                                .reduce = teacher_scale,
                                                .pinned = compute.device.is_cuda(),
                                                .prefetch = options.data.prefetch},
                                  data.input);
}

}  // namespace skylift
