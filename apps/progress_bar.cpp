#include "apps/progress_bar.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "skylift/core/log_interlude.h"

namespace skylift {
namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kPlainInterval{15};

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string rate_text(double per_second) {
  return per_second >= 1 || per_second == 0 ? fmt::format("{:.1f}/s", per_second)
                                            : fmt::format("{:.2f} s each", 1 / per_second);
}

}  // namespace

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) != 0) {
  if (terminal_) set_before_log([this] { clear(); });
}

ProgressBar::~ProgressBar() {
  if (terminal_) set_before_log({});
  end_line();
}

/// What was shown stays, and what follows begins on a line of its own.
void ProgressBar::end_line() {
  const std::lock_guard lock(mutex_);
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
}

/// Makes room for another line; the next update draws the bar again.
void ProgressBar::clear() {
  const std::lock_guard lock(mutex_);
  if (line_open_) fmt::print(stderr, "\r\033[K");
  line_open_ = false;
  std::fflush(stderr);
}

void ProgressBar::draw(const std::string& line) {
  const std::lock_guard lock(mutex_);
  fmt::print(stderr, "\r\033[K{}", line);
  line_open_ = true;
  std::fflush(stderr);
}

void ProgressBar::begin(const ProgressUpdate& update) {
  end_line();
  task_ = update.task;
  total_ = update.total;
  first_done_ = update.done;
  begun_ = shown_ = Clock::now();
  const auto known = starts_.find(task_);
  const bool goes_on = known != starts_.end() && update.done > known->second.latest;
  if (!goes_on) starts_[task_] = {begun_, update.done, update.done};
}

bool ProgressBar::due(const ProgressUpdate& update) const {
  if (update.total > 0 && update.done == update.total) return true;
  return Clock::now() - shown_ >= (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval));
}

std::string ProgressBar::line(const ProgressUpdate& update) const {
  const double seconds = std::chrono::duration<double>(shown_ - begun_).count();
  const double rate = seconds > 0 ? static_cast<double>(update.done - first_done_) / seconds : 0;
  if (update.total == 0) return fmt::format("{} {}  {}  {}", task_, update.done, rate_text(rate), update.note);
  // The rate is that of the task alone; what is left takes as long as all went so far, evaluations included.
  const Start& start = starts_.at(task_);
  const double elapsed = std::chrono::duration<double>(shown_ - start.time).count();
  const auto done = static_cast<double>(std::max<int64_t>(update.done - start.done, 1));
  const double left = rate > 0 ? elapsed / done * static_cast<double>(update.total - update.done) : 0;
  const double part = static_cast<double>(update.done) / static_cast<double>(update.total);
  const auto filled = static_cast<size_t>(part * kBarWidth);
  const std::string bar = terminal_
                              ? fmt::format("[{}{}]", std::string(filled, '#'), std::string(kBarWidth - filled, ' '))
                              : fmt::format("{:3.0f}% ", 100 * part);
  return fmt::format("{} {} {}/{}  {}  {} left  {}", task_, bar, update.done, update.total, rate_text(rate),
                     clock_text(left), update.note);
}

void ProgressBar::show(const ProgressUpdate& update) {
  if (update.task != task_ || update.total != total_ || update.done < starts_[task_].latest) begin(update);
  starts_[task_].latest = update.done;
  if (!due(update)) return;
  shown_ = Clock::now();
  if (terminal_) {
    draw(line(update));
  } else {
    fmt::print(stderr, "{}\n", line(update));
  }
}

}  // namespace skylift
