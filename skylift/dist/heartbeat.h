// Finds out which process of a job is gone: each one counts up a number in the job's store every second, and looks at
// those of the others. A broken connection says that somebody is gone, not who; a machine that lost its power says
// nothing at all.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "skylift/dist/place.h"

namespace skylift {

class Heartbeat {
 public:
  /// `store`: a connection of its own. `prefix`: of its keys there.
  Heartbeat(c10::intrusive_ptr<c10d::Store> store, const ProcessPlace& place, const std::string& prefix);
  ~Heartbeat();

  /// From now on it is no news that others are silent.
  void last_words() { leaving_ = true; }

  /// The rank that has been silent for longest, if it was for so long; -1: none.
  int silent_for(std::chrono::seconds least);

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  void beat();

  c10::intrusive_ptr<c10d::Store> store_;
  ProcessPlace place_;
  std::vector<std::string> keys_;  ///< by rank
  std::atomic<bool> leaving_ = false;

  std::mutex mutex_;  ///< guards all below
  std::condition_variable stopped_;
  bool stops_ = false;
  std::vector<std::vector<uint8_t>> seen_;
  std::vector<Clock::time_point> heard_;
  std::thread thread_;
};

}  // namespace skylift
