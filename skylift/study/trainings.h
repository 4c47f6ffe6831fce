// Which trainings a plan asks for, where each lies, and whether those that are done are the plan's.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/core/path_query.h"
#include "skylift/study/run.h"
#include "skylift/train/run_options.h"

namespace skylift {

/// One training of the plan.
struct Training {
  const PlannedRun* run;
  int seed;
  std::filesystem::path folder;
  std::string failure = {};  ///< why this process does not go on with it

  std::filesystem::path result_file() const { return folder / "result.json"; }
  bool done() const { return is_there(result_file()); }  ///< and scored
  /// The last model, not the best: choosing an epoch by the images that are reported would flatter every run.
  std::filesystem::path final_model() const { return folder / "last.safetensors"; }
};

/// Seed by seed, so that an unfinished study has whole comparisons. They point into the request.
std::vector<Training> trainings_of(const StudyRequest& request);

/// Error: options out of range.
RunOptions options_of(const StudyRequest& request, const Training& training);

/// The training that makes a run's teacher: the first seed of the run of that name. Null: no teacher, or a file.
const Training* teacher_training(const std::vector<Training>& trainings, const PlannedRun& run);

/// The teacher's file, or none.
std::vector<std::filesystem::path> teacher_models(const std::vector<Training>& trainings, const PlannedRun& run);

/// Error: a mistake in any run's options; a training that is done, but by other options, on other images or under
/// another teacher than the plan's.
void check_trainings(const StudyRequest& request, const std::vector<Training>& trainings);

/// Error: methods that do not fit the networks of a training that is left to do; when its teacher has been trained it
/// would be late to hear of it.
void check_methods(const StudyRequest& request, const std::vector<Training>& trainings);

}  // namespace skylift
