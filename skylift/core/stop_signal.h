// Ctrl-C and SIGTERM as something that loops read: they end at the next step with what they have, instead of in the
// middle of one.
#pragma once

#include <stdexcept>

namespace skylift {

/// While one lives, the first SIGINT or SIGTERM is only noted; a second one ends the process at once.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
};

/// The signal that has come, or 0.
int stop_signal();

/// What a loop throws that cannot go on without the steps it was asked not to make. Not an error: nothing went wrong.
struct StoppedBySignal : std::runtime_error {
  explicit StoppedBySignal(int number);
  int exit_status;  ///< 128 + the signal, as shells have it
};

/// Throws StoppedBySignal if a signal has come.
void throw_if_stopped();

}  // namespace skylift
