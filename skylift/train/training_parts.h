// All that a training consists of, as it begins: its teacher, its student, its batches, and how many steps they make.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skylift/data/loader.h"
#include "skylift/train/learner.h"
#include "skylift/train/teacher.h"
#include "skylift/train/trainer.h"

namespace skylift {

/// data.unlabelled, where the request has some. Error: without a teacher nothing is learned of them.
std::optional<Dataset> unlabelled_of(const TrainRequest& request, const std::vector<std::string>& classes);

struct TrainingParts {
  /// `accumulate`: batches a step, for a run that goes on what keeps its images (resume_state.h). The data sets must
  /// outlive the parts, and so must the device. Error: what does not fit together.
  TrainingParts(const TrainRequest& request, const Dataset& train_set, const Dataset& val_set,
                const ComputeDevice& compute, int accumulate);

  int accumulate;
  std::optional<Dataset> unlabelled;
  std::optional<Teacher> teacher;
  Learner learner;
  std::unique_ptr<Loader> loader;
  int64_t steps_per_epoch = 0, total_steps = 0;
  TextMap identity;  ///< see resume_state.h

  TeacherNetwork* teacher_network() const { return teacher ? teacher->network.get() : nullptr; }  ///< null: none
};

}  // namespace skylift
