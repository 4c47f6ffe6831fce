// The trainings of a study: which are left, training them, scoring what they end with. Several processes on one folder
// share the trainings.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/core/progress.h"
#include "skylift/study/plan.h"

namespace skylift {

struct StudyRequest {
  StudyPlan plan;
  std::filesystem::path folder;          ///< FOLDER/RUN/seedN holds a training
  std::vector<std::string> assignments;  ///< KEY=VALUE over every run's options
  ProgressCallback progress;
};

/// Trains and scores what is not done, and writes FOLDER/results.md and results.json after each training. What was
/// interrupted goes on; what needs a teacher that another process trains waits for it. Error: a training that was made
/// with other options than the plan's. A training that fails leaves the others their turn; then the first one's error
/// is returned, else nothing.
std::string train_study(const StudyRequest& request);

/// Trains nothing: scores the final models of what is done on other images, a SPEC, into FOLDER/report.md and
/// report.json. Error: nothing is done.
void report_study(const StudyRequest& request, const std::string& images);

}  // namespace skylift
