#include "skylift/data/loader.h"

#include <algorithm>
#include <numeric>
#include <opencv2/core/utility.hpp>

#include "skylift/core/error.h"

namespace skylift {
namespace {

std::vector<int64_t> order_of_epoch(int64_t count, bool shuffle, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!shuffle) return order;
  Rng rng = Rng::of({seed, static_cast<uint64_t>(epoch)});
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<size_t>(rng.index(static_cast<int64_t>(i)))]);
  return order;
}

}  // namespace

Loader::Loader(int64_t sample_count, SampleSource source, const LoaderOptions& options, const Preprocess& preprocess)
    : source_(std::move(source)), options_(options), preprocess_(preprocess), sample_count_(sample_count) {
  if (sample_count <= 0) throw Error("the data set is empty, expected at least one image");
  if (options.batch_size < 1) throw Error("batch size: got {}, expected at least 1", options.batch_size);
  if (options.parts > 1) options_.drop_last = true;  // a share of what is left over could be empty
  if (batches_per_epoch() == 0) {
    throw Error("{} images do not fill one batch of {}; use a smaller batch or more images", sample_count,
                images_a_batch());
  }
  cv::setNumThreads(1);  // whole images are worked on side by side; threads inside one would only compete
}

Loader::~Loader() { stop(); }

int64_t Loader::batches_per_epoch() const {
  return (sample_count_ + (options_.drop_last ? 0 : images_a_batch() - 1)) / images_a_batch();
}

int64_t Loader::size_of_batch(int64_t batch) const {
  return std::min<int64_t>(options_.batch_size, sample_count_ - batch * images_a_batch()) + options_.unlabelled;
}

void Loader::start(int64_t epoch, int64_t first_batch) {
  stop();
  epoch_ = epoch;
  order_ = order_of_epoch(sample_count_, options_.shuffle, options_.seed, epoch);
  slots_.clear();
  next_batch_ = task_batch_ = first_batch;
  task_position_ = 0;
  stopping_ = false;
  failure_ = nullptr;
  const int wanted = options_.threads > 0 ? options_.threads : static_cast<int>(std::thread::hardware_concurrency());
  for (int i = 0; i < std::max(1, wanted); ++i) threads_.emplace_back([this] { work(); });
}

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_possible_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::optional<PackedBatch> Loader::next() {
  std::unique_lock lock(mutex_);
  if (next_batch_ >= batches_per_epoch() || threads_.empty()) return std::nullopt;
  batch_ready_.wait(lock, [this] {
    const auto found = slots_.find(next_batch_);
    return failure_ || (found != slots_.end() && found->second.ready);
  });
  if (failure_) std::rethrow_exception(failure_);
  auto node = slots_.extract(next_batch_++);
  lock.unlock();
  work_possible_.notify_all();
  for (const auto& failure : node.mapped().failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return std::move(node.mapped().batch);
}

void Loader::work() {
  std::unique_lock lock(mutex_);
  try {
    work(lock);
  } catch (...) {  // the memory for a slot, say: what a thread does not catch ends the process
    if (!lock.owns_lock()) lock.lock();
    failure_ = std::current_exception();
    batch_ready_.notify_all();
  }
}

void Loader::work(std::unique_lock<std::mutex>& lock) {
  while (const auto task = take_task(lock)) {
    lock.unlock();
    load(*task);
    lock.lock();
    if (--task->slot->unfinished > 0) continue;
    lock.unlock();
    finish(*task->slot);
    lock.lock();
    task->slot->ready = true;
    batch_ready_.notify_all();
  }
}

/// Samples are given out one by one, so that several threads share the work on the batch that is waited for.
std::optional<Loader::Task> Loader::take_task(std::unique_lock<std::mutex>& lock) {
  const auto finished = [this] { return stopping_ || task_batch_ >= batches_per_epoch(); };
  work_possible_.wait(lock, [&] { return finished() || task_batch_ < next_batch_ + options_.prefetch; });
  if (finished()) return std::nullopt;
  const int64_t size = size_of_batch(task_batch_);
  Slot& slot = slots_[task_batch_];
  if (task_position_ == 0) {
    slot.samples.resize(static_cast<size_t>(size));
    slot.failures.resize(static_cast<size_t>(size));
    slot.unfinished = size;
  }
  const Task task{task_batch_, task_position_, &slot};
  if (++task_position_ == size) {
    ++task_batch_;
    task_position_ = 0;
  }
  return task;
}

/// A batch ends with its unlabelled samples, each drawn by its own random number: an image may come several times an epoch,
/// each time with another crop.
std::pair<int64_t, Rng> Loader::sample_of(const Task& task) const {
  const int64_t place = task.batch * options_.parts + options_.part;
  const int64_t labelled = size_of_batch(task.batch) - options_.unlabelled;
  const auto epoch = static_cast<uint64_t>(epoch_);
  if (task.position < labelled) {
    const int64_t index = order_[static_cast<size_t>(place * options_.batch_size + task.position)];
    return {index, Rng::of({options_.seed, epoch, static_cast<uint64_t>(index)})};
  }
  Rng rng =
      Rng::of({options_.seed, epoch, static_cast<uint64_t>(place), static_cast<uint64_t>(task.position - labelled)});
  const int64_t index = sample_count_ + rng.index(options_.unlabelled_count);
  return {index, rng};
}

void Loader::load(const Task& task) {
  const auto position = static_cast<size_t>(task.position);
  try {
    const auto [index, rng] = sample_of(task);
    task.slot->samples[position] = source_(index, rng);
  } catch (...) {
    task.slot->failures[position] = std::current_exception();
  }
}

void Loader::finish(Slot& slot) {
  const bool failed = std::ranges::any_of(slot.failures, [](const auto& failure) { return failure != nullptr; });
  try {
    if (!failed) slot.batch = collate(slot.samples, preprocess_, options_.pinned);
    slot.batch.reduce = options_.reduce;
  } catch (...) {
    slot.failures.front() = std::current_exception();
  }
  slot.samples.clear();
}

}  // namespace skylift
