// The teacher of a distillation run: loaded from its own file, frozen, and scored before anything is trained under it.
#pragma once

#include <filesystem>
#include <optional>

#include "skylift/core/progress.h"
#include "skylift/data/dataset.h"
#include "skylift/eval/evaluation.h"
#include "skylift/infer/device.h"
#include "skylift/teachers/teacher_network.h"
#include "skylift/train/metrics_log.h"
#include "skylift/train/run_options.h"

namespace skylift {

struct Teacher {
  /// `files`: see open_teacher; `unlabelled`: null where there are none. The data sets and the device must outlive it.
  /// Error: as open_teacher.
  Teacher(const std::vector<std::filesystem::path>& files, const RunOptions& options, const Dataset& train_set,
          const ComputeDevice& compute, const Dataset* unlabelled = nullptr);

  /// Scores the teacher on the first kd.teacher_check_images validation images, at the input size that it learns the
  /// batches in; where it is boxes in a file, those of as many training images. Nothing
  /// where that is 0, and in other processes than rank 0. Error: AP50 under kd.min_teacher_ap50: its weights or its data are not what they should be.
  std::optional<EvalResult> check_score(const Dataset& val_set, const RunOptions& options,
                                        const ProgressCallback& progress) const;

  TeacherPtr network;
  std::string name;
  ComputeDevice compute;
  const Dataset& train_set;
};

/// AP, AP50, AP75 and by size, for the metrics log.
MetricValues score_values(const EvalResult& result);

}  // namespace skylift
