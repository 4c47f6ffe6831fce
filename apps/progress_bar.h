// Long work on stderr: one line that rewrites itself on a terminal, a plain line now and then elsewhere. Lines of the
// log stand above it: it is taken away before one is written, and drawn again below. One bar at a time.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "skylift/core/progress.h"

namespace skylift {

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(const ProgressUpdate& update);
  /// To hand to the library; the bar must outlive the work.
  ProgressCallback callback() {
    return [this](const ProgressUpdate& update) { show(update); };
  }

 private:
  using Clock = std::chrono::steady_clock;
  /// When a task was first heard of, how far it was then and how far it is. Work of other kinds between its updates is
  /// part of its time.
  struct Start {
    Clock::time_point time;
    int64_t done, latest;
  };
  void begin(const ProgressUpdate& update);
  bool due(const ProgressUpdate& update) const;
  std::string line(const ProgressUpdate& update) const;
  void draw(const std::string& line);
  void end_line();
  void clear();

  bool terminal_;
  std::mutex mutex_;        // of the terminal's line: the log is written by other threads too
  bool line_open_ = false;  // the cursor stands behind the bar
  std::string task_;
  int64_t first_done_ = 0, total_ = 0;
  Clock::time_point begun_, shown_;
  std::map<std::string, Start> starts_;
};

}  // namespace skylift
