// For who draws on the terminal that the log writes to: clears its drawing before a line of the log.
#pragma once

#include <functional>

namespace skylift {

/// Called before each line of the log, by whichever thread writes it. Empty: nobody draws. Returns only when no line is
/// being written.
void set_before_log(std::function<void()> clear);

}  // namespace skylift
