// What can be known about a run before its first step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skylift/train/run_options.h"

namespace skylift {

/// Settings that will not do what they say in a run of this length: a sentence each, with the numbers. `distils`:
/// under a teacher. `images`: of the training set.
std::vector<std::string> doubtful_settings(const RunOptions& options, int64_t images, int64_t steps_per_epoch,
                                           bool distils);

/// Whether such a student can be distilled from such a teacher, both of ours, which need not be trained yet. Error: a
/// method that does not fit them.
void check_distillable(const RunOptions& student, const ModelOptions& teacher);

/// Error, beginning with `where`: a run of options.train.epochs, `total` steps, cannot go on after `done` ones.
void check_length(int64_t done, int64_t total, const RunOptions& options, const std::string& where);

}  // namespace skylift
