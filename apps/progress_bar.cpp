#include "apps/progress_bar.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

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

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (line_open_) fmt::print(stderr, "\n");
}

void ProgressBar::begin(const ProgressUpdate& update) {
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
  task_ = update.task;
  total_ = update.total;
  first_done_ = update.done;
  begun_ = shown_ = Clock::now();
}

bool ProgressBar::due(const ProgressUpdate& update) const {
  if (update.total > 0 && update.done == update.total) return true;
  return Clock::now() - shown_ >= (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval));
}

std::string ProgressBar::line(const ProgressUpdate& update) const {
  const double seconds = std::chrono::duration<double>(shown_ - begun_).count();
  const double rate = seconds > 0 ? static_cast<double>(update.done - first_done_) / seconds : 0;
  if (update.total == 0) return fmt::format("{} {}  {}  {}", task_, update.done, rate_text(rate), update.note);
  const double left = rate > 0 ? static_cast<double>(update.total - update.done) / rate : 0;
  const double part = static_cast<double>(update.done) / static_cast<double>(update.total);
  const auto filled = static_cast<size_t>(part * kBarWidth);
  const std::string bar = terminal_
                              ? fmt::format("[{}{}]", std::string(filled, '#'), std::string(kBarWidth - filled, ' '))
                              : fmt::format("{:3.0f}% ", 100 * part);
  return fmt::format("{} {} {}/{}  {}  {} left  {}", task_, bar, update.done, update.total, rate_text(rate),
                     clock_text(left), update.note);
}

void ProgressBar::show(const ProgressUpdate& update) {
  if (update.task != task_ || update.total != total_ || update.done < last_done_) begin(update);
  last_done_ = update.done;
  if (!due(update)) return;
  shown_ = Clock::now();
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", line(update));
  } else {
    fmt::print(stderr, "{}\n", line(update));
  }
  line_open_ = terminal_;
  std::fflush(stderr);
}

}  // namespace skylift
