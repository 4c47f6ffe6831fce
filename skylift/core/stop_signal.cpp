#include "skylift/core/stop_signal.h"

#include <fmt/core.h>

#include <csignal>

namespace skylift {
namespace {

// Of the process, as signals are. A handler may touch no more than this and what POSIX calls async-signal-safe.
volatile std::sig_atomic_t noted = 0;

void note(int number) {
  noted = number;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

StopSignals::StopSignals() {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;  // reads and writes under way are finished
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  noted = 0;
}

int stop_signal() { return noted; }

StoppedBySignal::StoppedBySignal(int number)
    : std::runtime_error(fmt::format("stopped by {}", number == SIGINT ? "SIGINT" : "SIGTERM")),
      exit_status(128 + number) {}

void throw_if_stopped() {
  if (const int number = stop_signal()) throw StoppedBySignal(number);
}

}  // namespace skylift
