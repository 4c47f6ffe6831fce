// A stream of items through three stages: read one after the other, worked on side by side, delivered in the order in
// which they were read. Each thread carries one item, so memory is bounded and no queue is needed: while one thread
// reads, others work, and one delivers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace skylift {

template <class Item>
struct PipelineStages {
  std::function<bool(Item&)> read;     ///< fills the item, or says that there are no more; one call at a time, in order
  std::function<void(Item&)> work;     ///< several at the same time
  std::function<void(Item&)> deliver;  ///< one call at a time, in the order of reading
};

/// Runs until all items are through. The first exception of any stage is rethrown here after all threads have stopped;
/// what was read before it may or may not have been delivered.
template <class Item>
void run_pipeline(int threads, const PipelineStages<Item>& stages) {
  std::mutex read_mutex, turn_mutex;
  std::condition_variable turn_changed;
  int64_t read_count = 0, turn = 0;
  bool ended = false, failed = false;  // guarded by read_mutex, by turn_mutex
  std::exception_ptr failure;

  const auto carry_one = [&] {
    Item item;
    int64_t place = 0;
    {
      const std::lock_guard lock(read_mutex);
      if (ended || !stages.read(item)) {
        ended = true;
        return false;
      }
      place = read_count++;
    }
    stages.work(item);
    std::unique_lock lock(turn_mutex);
    turn_changed.wait(lock, [&] { return turn == place || failed; });
    if (failed) return false;
    lock.unlock();  // whose turn it is stands alone here
    stages.deliver(item);
    lock.lock();
    ++turn;
    turn_changed.notify_all();
    return true;
  };
  const auto carry_all = [&] {
    try {
      while (carry_one()) {
      }
    } catch (...) {
      const std::lock_guard lock(turn_mutex);
      if (!failure) failure = std::current_exception();
      failed = true;
      turn_changed.notify_all();
    }
  };

  {
    std::vector<std::jthread> helpers;  // joined also where one more cannot be started
    for (int i = 1; i < threads; ++i) helpers.emplace_back(carry_all);
    carry_all();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace skylift
