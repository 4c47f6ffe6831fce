// The learning rate over time, as a pure function of the step: resuming needs no state.
#pragma once

#include <cstdint>

#include "skylift/train/train_options.h"

namespace skylift {

/// Factor on the full learning rate at `step` (0-based) of `total_steps`.
double lr_factor(const ScheduleOptions& options, int64_t step, int64_t steps_per_epoch, int64_t total_steps);

}  // namespace skylift
