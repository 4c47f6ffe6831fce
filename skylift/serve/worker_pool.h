// A few threads and a bounded queue before them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace skylift {

class WorkerPool {
 public:
  /// std::system_error: no thread to be had.
  WorkerPool(size_t threads, size_t most_waiting);
  /// Waits for jobs that have begun; those that wait are dropped.
  ~WorkerPool();

  /// False: too many wait already, and nothing was taken.
  bool submit(std::function<void()> job);

 private:
  void work();
  void end();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  bool ended_ = false;                         // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace skylift
