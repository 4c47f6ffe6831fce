// Long work on stderr: one line that rewrites itself on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "skylift/core/progress.h"

namespace skylift {

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  void show(const ProgressUpdate& update);
  /// To hand to the library; the bar must outlive the work.
  ProgressCallback callback() {
    return [this](const ProgressUpdate& update) { show(update); };
  }

 private:
  using Clock = std::chrono::steady_clock;
  void begin(const ProgressUpdate& update);
  bool due(const ProgressUpdate& update) const;
  std::string line(const ProgressUpdate& update) const;

  bool terminal_;
  bool line_open_ = false;
  std::string task_;
  int64_t first_done_ = 0, total_ = 0, last_done_ = -1;
  Clock::time_point begun_, shown_;
};

}  // namespace skylift
