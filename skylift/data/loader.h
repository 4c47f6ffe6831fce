// Batches, prepared ahead by threads. What a batch holds depends on the seed, the epoch and its number only: neither on
// the number of threads nor on where iteration began, so an interrupted run goes on with exactly the batches it would
// have seen.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "skylift/data/sample.h"
#include "skylift/data/sample_source.h"

namespace skylift {

struct LoaderOptions {
  int batch_size = 1;
  bool shuffle = false;    ///< a new order each epoch
  bool drop_last = false;  ///< leave out an epoch's last batch where it is not full
  uint64_t seed = 0;
  int threads = 2;          ///< 0: one per core
  int part = 0, parts = 1;  ///< of batches `parts` times as large this one's share: all together see what one would
  int unlabelled = 0;       ///< samples that each batch has besides, drawn from the source's beyond sample_count ...
  int64_t unlabelled_count = 0;  ///< ... of which there are so many
  int reduce = 1;                ///< batches become 1 / reduce of their size (sample.h, reduced)
  bool pinned = false;           ///< their bytes lie where a GPU reads them without a wait
  int prefetch = 3;              ///< batches finished or in work beyond the one in use: bounds the memory
};

class Loader {
 public:
  /// Error: no samples, or, with drop_last or several parts, too few for one batch.
  Loader(int64_t sample_count, SampleSource source, const LoaderOptions& options, const Preprocess& preprocess);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t batches_per_epoch() const;

  /// Begins an epoch at a batch; whatever was under way is dropped.
  void start(int64_t epoch, int64_t first_batch = 0);

  /// The next batch, or nothing at the end of the epoch. What went wrong while a batch was prepared is thrown here,
  /// when it is that batch's turn: of several failed samples the first one's error. The batch is then skipped.
  std::optional<PackedBatch> next();

 private:
  struct Slot {
    std::vector<Sample> samples;
    std::vector<std::exception_ptr> failures;  ///< by sample; null: none
    int64_t unfinished = 0;
    bool ready = false;
    PackedBatch batch;
  };
  struct Task {
    int64_t batch = 0, position = 0;
    Slot* slot = nullptr;
  };

  void stop();
  void work();
  void work(std::unique_lock<std::mutex>& lock);
  std::optional<Task> take_task(std::unique_lock<std::mutex>& lock);
  std::pair<int64_t, Rng> sample_of(const Task& task) const;
  void load(const Task& task);
  void finish(Slot& slot);
  int64_t size_of_batch(int64_t batch) const;
  int64_t images_a_batch() const { return int64_t{options_.batch_size} * options_.parts; }

  SampleSource source_;
  LoaderOptions options_;
  Preprocess preprocess_;
  int64_t sample_count_ = 0;
  int64_t epoch_ = 0;
  std::vector<int64_t> order_;  ///< of this epoch

  std::mutex mutex_;  ///< guards all below
  std::condition_variable work_possible_, batch_ready_;
  std::map<int64_t, Slot> slots_;  ///< by batch number; nodes stay in place while threads write into them
  int64_t next_batch_ = 0;         ///< to be delivered
  int64_t task_batch_ = 0, task_position_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;  ///< of a thread outside any one sample: no batch follows
  std::vector<std::thread> threads_;
};

}  // namespace skylift
