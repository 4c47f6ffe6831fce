// What a run's time goes into: waiting for data and working, and how much memory it took at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "skylift/infer/device.h"

namespace skylift {

/// One step: `begins`, for each of its batches `waits` and, when the batch is there, `works`; `values` when it is done.
class StepClock {
 public:
  explicit StepClock(const ComputeDevice& compute) : compute_(compute) {}

  void begins() {
    begun_ = Clock::now();
    waited_ = {};
  }
  void waits() { waits_since_ = Clock::now(); }
  void works() { waited_ += Clock::now() - waits_since_; }

  /// "time" (seconds since 1970), "images_per_s", "data_wait" (the share of the step that went into waiting for its
  /// batches) and "peak_memory_mib" (of the process, on a GPU of the tensors there). Of several processes also
  /// "exchange_wait", the share that went into waiting for the others (`exchanged` seconds).
  std::vector<std::pair<std::string, double>> values(int64_t images, double exchanged) const;

 private:
  using Clock = std::chrono::steady_clock;
  const ComputeDevice& compute_;
  Clock::time_point begun_ = Clock::now(), waits_since_ = begun_;
  Clock::duration waited_{};
};

}  // namespace skylift
