#include "skylift/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace skylift {

double lr_factor(const ScheduleOptions& options, int64_t step, int64_t steps_per_epoch, int64_t total_steps) {
  double factor = 1;
  if (options.name == "multi_step") {
    const int64_t epoch = step / std::max<int64_t>(1, steps_per_epoch);
    for (int milestone : options.milestones) {
      if (epoch >= milestone) factor *= options.gamma;
    }
  } else if (options.name == "cosine") {
    const double progress = static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, total_steps));
    factor = options.final_factor +
             (1 - options.final_factor) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, progress)));
  }
  if (step < options.warmup_steps) {
    const double risen = static_cast<double>(step) / options.warmup_steps;
    factor *= options.warmup_factor + (1 - options.warmup_factor) * risen;
  }
  return factor;
}

}  // namespace skylift
