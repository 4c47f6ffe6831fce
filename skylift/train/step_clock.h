// What a run's time goes into: waiting for data and working, and how much memory it took at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "skylift/infer/device.h"

namespace skylift {

/// One step: `waits` is called when the step begins, `works` when its batch is there, `values` when it is done.
class StepClock {
 public:
  explicit StepClock(const ComputeDevice& compute) : compute_(compute) {}

  void waits() { begun_ = worked_ = Clock::now(); }
  void works() { worked_ = Clock::now(); }

  /// "time" (seconds since 1970), "images_per_s", "data_wait" (the share of the step that went into waiting for its
  /// batch) and "peak_memory_mib" (of the process, on a GPU of the tensors there).
  std::vector<std::pair<std::string, double>> values(int64_t images) const;

 private:
  using Clock = std::chrono::steady_clock;
  const ComputeDevice& compute_;
  Clock::time_point begun_ = Clock::now(), worked_ = begun_;
};

}  // namespace skylift
