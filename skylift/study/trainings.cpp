#include "skylift/study/trainings.h"

#include <algorithm>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/path_query.h"
#include "skylift/runs/run_record.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/run_checks.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

/// Of run.json: what the training was made from. Empty: a record that does not say it.
std::string made_from(const Training& training, const char* source) {
  const RunRecord record = read_run_record(training.folder);
  const auto found = record.identity.find(source);
  return found == record.identity.end() ? "" : found->second;
}

/// Whether another path leads to the images that a training had.
bool same_images(const Training& training, const std::string& key, const DataOptions& data) {
  const Dataset train_set = open_training_set(data);
  return key == "data.train" ? made_from(training, "training images") == data_checksum(train_set)
                             : made_from(training, "validation images") ==
                                   data_checksum(open_validation_set(data, train_set.classes()));
}

/// Read again, so that an option younger than the training has its default.
void check_options(const Training& training, const RunOptions& options) {
  const RunOptions trained = read_run_options((training.folder / "config.toml").string(), {});
  for (const OptionDifference& option : option_differences(trained, options)) {
    if (is_of_the_machine(option.key) || (option.key == "kd.cache" && option.resumable)) continue;
    if ((option.key == "data.train" || option.key == "data.val") && same_images(training, option.key, options.data))
      continue;
    throw Error("{}: was trained with {} = {}, the plan says {} (hint: remove this folder, or name another --out)",
                training.folder.string(), option.key, option.was, option.is);
  }
}

/// A teacher that was trained anew is another teacher. One that is no longer there cannot be told.
void check_teacher(const std::vector<Training>& trainings, const Training& training) {
  const Training* trained_here = teacher_training(trainings, *training.run);
  const std::vector<fs::path> models = teacher_models(trainings, *training.run);
  if (!trained_here && !std::ranges::all_of(models, is_there)) return;
  const std::string teacher = trained_here && !trained_here->done() ? "not trained yet" : teacher_checksum(models);
  const std::string was = made_from(training, "teacher");
  if (was.empty() || was == teacher) return;
  throw Error(
      "{}: was trained under another teacher ({}) than the plan's ({}) (hint: remove this folder, or name another "
      "--out)",
      training.folder.string(), was, teacher);
}

}  // namespace

std::vector<Training> trainings_of(const StudyRequest& request) {
  std::set<int> seeds;
  for (const PlannedRun& run : request.plan.runs) seeds.insert(run.seeds.begin(), run.seeds.end());
  std::vector<Training> trainings;
  for (const int seed : seeds) {
    for (const PlannedRun& run : request.plan.runs) {
      if (std::ranges::find(run.seeds, seed) != run.seeds.end())
        trainings.push_back({&run, seed, request.folder / run.name / fmt::format("seed{}", seed)});
    }
  }
  return trainings;
}

RunOptions options_of(const StudyRequest& request, const Training& training) {
  std::vector<std::string> assignments = training.run->assignments;
  assignments.insert(assignments.end(), request.assignments.begin(), request.assignments.end());
  assignments.push_back(fmt::format("train.seed={}", training.seed));
  return read_run_options(training.run->config.string(), assignments);
}

const Training* teacher_training(const std::vector<Training>& trainings, const PlannedRun& run) {
  for (const Training& training : trainings) {
    if (training.run->name == run.teacher && training.seed == training.run->seeds.front()) return &training;
  }
  return nullptr;
}

std::vector<fs::path> teacher_models(const std::vector<Training>& trainings, const PlannedRun& run) {
  if (run.teacher.empty()) return {};
  const Training* teacher = teacher_training(trainings, run);
  return {teacher ? teacher->final_model() : fs::path(run.teacher)};
}

void check_trainings(const StudyRequest& request, const std::vector<Training>& trainings) {
  for (const Training& training : trainings) {
    const RunOptions options = options_of(request, training);
    if (!training.done()) continue;
    check_options(training, options);
    check_teacher(trainings, training);
  }
}

void check_methods(const StudyRequest& request, const std::vector<Training>& trainings) {
  for (const Training& training : trainings) {
    const Training* teacher = teacher_training(trainings, *training.run);
    // Seeds do not differ in it.
    if (training.done() || !teacher || training.seed != training.run->seeds.front()) continue;
    try {
      check_distillable(options_of(request, training), options_of(request, *teacher).model);
    } catch (const Error& error) {
      throw Error("run '{}': {}", training.run->name, error.what());
    }
  }
}

}  // namespace skylift
