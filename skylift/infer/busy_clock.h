// How long something was busy that several threads use at a time.
#pragma once

#include <chrono>
#include <mutex>

namespace skylift {

/// The time in which at least one thread was in timed().
class BusyClock {
 public:
  using Clock = std::chrono::steady_clock;
  template <class Work>
  auto timed(const Work& work) {
    const Share share(*this);
    return work();
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    total_ = {};
  }
  double seconds() const {
    const std::lock_guard lock(mutex_);
    return std::chrono::duration<double>(total_).count();
  }

 private:
  struct Share {
    explicit Share(BusyClock& clock) : clock(clock) {
      const std::lock_guard lock(clock.mutex_);
      if (clock.running_++ == 0) clock.since_ = Clock::now();
    }
    ~Share() {
      const std::lock_guard lock(clock.mutex_);
      if (--clock.running_ == 0) clock.total_ += Clock::now() - clock.since_;
    }
    BusyClock& clock;
  };

  mutable std::mutex mutex_;
  int running_ = 0;
  Clock::time_point since_;
  Clock::duration total_{};
};

}  // namespace skylift
