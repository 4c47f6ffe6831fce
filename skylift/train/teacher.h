// The teacher of a distillation run: loaded from its own file, frozen, and scored before anything is trained under it.
#pragma once

#include <filesystem>
#include <optional>

#include "skylift/core/progress.h"
#include "skylift/data/dataset.h"
#include "skylift/eval/evaluation.h"
#include "skylift/infer/device.h"
#include "skylift/models/model_file.h"
#include "skylift/train/metrics_log.h"
#include "skylift/train/run_options.h"

namespace skylift {

struct Teacher {
  /// Error: not a model file, other classes than the data's (in another order counts as other), other bins than the
  /// student's.
  Teacher(const std::filesystem::path& path, const RunOptions& options, const std::vector<std::string>& classes,
          const ComputeDevice& compute);

  /// Scores the teacher on the first kd.teacher_check_images validation images, at the student's input size. Nothing
  /// where that is 0, and in other processes than rank 0. Error: AP50 under kd.min_teacher_ap50: its weights or its data are not what they should be.
  std::optional<EvalResult> check_score(const Dataset& val_set, const RunOptions& options,
                                        const ProgressCallback& progress) const;

  Model model;
  std::string name;
  ComputeDevice compute;
};

/// AP, AP50, AP75 and by size, for the metrics log.
MetricValues score_values(const EvalResult& result);

}  // namespace skylift
