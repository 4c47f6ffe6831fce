#include "skylift/study/run.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/folder_lock.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/place.h"
#include "skylift/dist/processes.h"
#include "skylift/infer/device.h"
#include "skylift/runs/run_record.h"
#include "skylift/study/score.h"
#include "skylift/study/table.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/gather_detections.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/trainer.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kResult = "result.json";  ///< its presence says that a training is done and scored

fs::path training_folder(const StudyRequest& request, const PlannedRun& run, int seed) {
  return request.folder / run.name / fmt::format("seed{}", seed);
}

RunOptions run_options(const StudyRequest& request, const PlannedRun& run, int seed) {
  std::vector<std::string> assignments = run.assignments;
  assignments.insert(assignments.end(), request.assignments.begin(), request.assignments.end());
  assignments.push_back(fmt::format("train.seed={}", seed));
  return read_run_options(run.config.string(), assignments);
}

/// The last model, not the best: choosing an epoch by the images that are reported would flatter every run.
fs::path final_model(const fs::path& folder) { return folder / "last.safetensors"; }

/// One training of the plan.
struct Training {
  const PlannedRun* run;
  int seed;
  fs::path folder;
  std::string failure = {};  ///< why this process does not go on with it
  bool done() const { return fs::exists(folder / kResult); }
};

/// Seed by seed, so that an unfinished study has whole comparisons.
std::vector<Training> trainings_of(const StudyRequest& request) {
  std::set<int> seeds;
  for (const PlannedRun& run : request.plan.runs) seeds.insert(run.seeds.begin(), run.seeds.end());
  std::vector<Training> trainings;
  for (const int seed : seeds) {
    for (const PlannedRun& run : request.plan.runs) {
      if (std::find(run.seeds.begin(), run.seeds.end(), seed) != run.seeds.end())
        trainings.push_back({&run, seed, training_folder(request, run, seed)});
    }
  }
  return trainings;
}

/// The training that makes a run's teacher: the first seed of the run of that name. Null: no teacher, or a file.
const Training* teacher_training(const std::vector<Training>& trainings, const PlannedRun& run) {
  for (const Training& training : trainings) {
    if (training.run->name == run.teacher && training.seed == training.run->seeds.front()) return &training;
  }
  return nullptr;
}

std::vector<fs::path> teacher_models(const std::vector<Training>& trainings, const PlannedRun& run) {
  if (run.teacher.empty()) return {};
  const Training* teacher = teacher_training(trainings, run);
  return {teacher ? final_model(teacher->folder) : fs::path(run.teacher)};
}

/// Whether another path leads to the images that a training had.
bool same_images(const Training& training, const std::string& key, const DataOptions& data) {
  const RunRecord record = read_run_record(training.folder);
  const auto had = [&](const char* images, const Dataset& now) {
    const auto found = record.identity.find(images);
    return found != record.identity.end() && found->second == data_checksum(now);
  };
  const Dataset train_set = open_training_set(data);
  return key == "data.train" ? had("training images", train_set)
                             : had("validation images", open_validation_set(data, train_set.classes()));
}

/// Mistakes come before anything is trained; what is trained must have been trained by the plan's options. Read again,
/// so that an option younger than the training has its default.
void check(const StudyRequest& request, const std::vector<Training>& trainings) {
  for (const Training& training : trainings) {
    const RunOptions options = run_options(request, *training.run, training.seed);
    if (!training.done()) continue;
    const RunOptions trained = read_run_options((training.folder / "config.toml").string(), {});
    for (const OptionDifference& option : option_differences(trained, options)) {
      if (is_of_the_machine(option.key) || (option.key == "kd.cache" && option.resumable)) continue;
      if ((option.key == "data.train" || option.key == "data.val") && same_images(training, option.key, options.data))
        continue;
      throw Error("{}: was trained with {} = {}, the plan says {} (hint: remove this folder, or name another --out)",
                  training.folder.string(), option.key, option.was, option.is);
    }
  }
}

/// Scores by every protocol, and the cost at the input size.
Json score(const StudyRequest& request, const fs::path& folder, const RunOptions& options) {
  const FinishedModel model = detect_finished(final_model(folder), options, request.progress);
  Json json = {{"parameters", model.cost.parameters}, {"gmacs", static_cast<double>(model.cost.multiply_adds) / 1e9}};
  for (const std::string& protocol : request.plan.protocols) {
    EvalOptions eval = options.eval;
    eval.protocol = protocol;
    // One measure for all runs, whatever protocol each followed in its training.
    eval.max_dets = protocol == "coco" ? std::vector{1, 10, 100, 500} : std::vector<int>{};
    json["evaluations"][protocol] =
        Json::parse(to_json(evaluate(model.detected.truth, model.detected.detections, eval)));
  }
  return json;
}

void train_and_score(const StudyRequest& request, const std::vector<Training>& trainings, const Training& training) {
  const RunOptions options = run_options(request, *training.run, training.seed);
  log_info("--- {}, seed {}", training.run->name, training.seed);
  const TrainSummary summary = train_detector({.options = options,
                                               .folder = training.folder,
                                               .teachers = teacher_models(trainings, *training.run),
                                               .student = {},
                                               .init = {},
                                               .resume = has_checkpoint(training.folder)},
                                              request.progress);
  if (!is_first_process()) return;
  Json result = score(request, training.folder, options);
  result["steps"] = summary.steps;
  result["seconds_per_step"] = summary.seconds_per_step;
  write_file(training.folder / kResult, dump_json(result, 2) + "\n");
}

/// The place of the first one that is free, now locked; -1: none is.
int64_t free_training(const std::vector<Training>& trainings, std::optional<FolderLock>& lock) {
  for (size_t i = 0; i < trainings.size(); ++i) {
    const Training& training = trainings[i];
    const Training* teacher = teacher_training(trainings, *training.run);
    if (training.done() || !training.failure.empty() || (teacher && !teacher->done())) continue;
    make_folder(training.folder);
    lock.emplace(training.folder);
    if (lock->held() && !training.done()) return static_cast<int64_t>(i);
  }
  lock.reset();
  return -1;
}

/// Rank 0 chooses for all processes that train together.
int64_t from_first(int64_t choice) {
  const double own = is_first_process() ? static_cast<double>(choice) : 0;
  return static_cast<int64_t>(sum_over_processes(std::vector<double>{own}).front());
}

/// Trains the first one that is free: not done, not under way in another process, its teacher done. False: none is.
bool train_free(const StudyRequest& request, std::vector<Training>& trainings) {
  std::optional<FolderLock> lock;
  const int64_t place = from_first(is_first_process() ? free_training(trainings, lock) : 0);
  if (place < 0) return false;
  Training& training = trainings[static_cast<size_t>(place)];
  try {
    train_and_score(request, trainings, training);
  } catch (const Error& error) {
    if (process_count() > 1) throw;  // the others may not have failed, and would wait
    training.failure = fmt::format("{}: {}", training.folder.string(), error.what());
    log_warning("{}; the study goes on with its other trainings", training.failure);
  }
  return true;
}

/// It failed here, or a teacher before it did.
bool failed(const std::vector<Training>& trainings, const Training& training) {
  const Training* teacher = teacher_training(trainings, *training.run);
  return !training.failure.empty() || (teacher && failed(trainings, *teacher));
}

bool awaits_teacher(const std::vector<Training>& trainings) {
  return std::any_of(trainings.begin(), trainings.end(), [&](const Training& training) {
    const Training* teacher = teacher_training(trainings, *training.run);
    return teacher && !training.done() && !teacher->done() && !failed(trainings, training);
  });
}

/// Trains the next one, after a wait where all that is left needs a teacher that another process trains. False: nothing
/// is left to this process.
bool train_next(const StudyRequest& request, std::vector<Training>& trainings) {
  for (bool said = false;; std::this_thread::sleep_for(std::chrono::seconds(2))) {
    const bool awaits =
        from_first(awaits_teacher(trainings)) != 0;  // before the attempt: the teacher may be done in between
    if (train_free(request, trainings)) return true;
    if (!awaits) return false;
    throw_if_any_stopped();
    if (!std::exchange(said, true)) log_info("waiting for a teacher that another process trains");
  }
}

SeedScores seed_scores(const Json& result, int seed) {
  SeedScores scores{.seed = seed, .scores = {}, .seconds_per_step = result.at("seconds_per_step")};
  for (const auto& [protocol, evaluation] : result.at("evaluations").items()) {
    for (const auto& [key, value] : evaluation.items()) {
      if (key.starts_with("A") && value.is_number()) scores.scores[protocol + " " + key] = value;
    }
  }
  return scores;
}

std::vector<std::string> shown_scores(const StudyPlan& plan) {
  std::vector<std::string> scores;
  for (const std::string& protocol : plan.protocols) {
    scores.insert(scores.end(), {protocol + " AP50", protocol + " AP"});
    if (protocol == "coco") scores.insert(scores.end(), {"coco AP_small", "coco AP_medium", "coco AP_large"});
  }
  return scores;
}

/// `result_of`: of a training that is done.
template <class ResultOf>
std::vector<StudyRow> study_rows(const StudyRequest& request, const std::vector<Training>& trainings,
                                 const ResultOf& result_of) {
  std::vector<StudyRow> rows;
  for (const PlannedRun& run : request.plan.runs) {
    StudyRow row{.name = run.name, .against = run.against, .seeds = {}};
    for (const Training& training : trainings) {
      if (training.run != &run || !training.done()) continue;
      const Json result = result_of(training);
      row.parameters = result.at("parameters");
      row.gmacs = result.at("gmacs");
      row.seeds.push_back(seed_scores(result, training.seed));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// DIR/NAME.md and DIR/NAME.json.
void write_tables(const StudyRequest& request, const std::vector<StudyRow>& rows, const std::string& name) {
  const std::string main_score = request.plan.protocols.front() + " AP50";
  write_file(request.folder / (name + ".md"), study_text(rows, shown_scores(request.plan), main_score));
  write_file(request.folder / (name + ".json"), study_json(rows, main_score));
}

Json stored_result(const Training& training) { return Json::parse(read_file(training.folder / kResult)); }

/// Opens the device too: what several processes need of CUDA has to be loaded before they meet.
bool uses_gpu(const StudyRequest& request, const std::vector<Training>& trainings) {
  return process_place().count > 1 && std::ranges::any_of(trainings, [&](const Training& training) {
           return open_device(run_options(request, *training.run, training.seed).train.compute).device.is_cuda();
         });
}

}  // namespace

std::string train_study(const StudyRequest& request) {
  std::vector<Training> trainings = trainings_of(request);
  check(request, trainings);
  const JoinedProcesses joined(uses_gpu(request, trainings));
  do {
    if (is_first_process()) write_tables(request, study_rows(request, trainings, stored_result), "results");
  } while (train_next(request, trainings));
  const auto left = std::count_if(trainings.begin(), trainings.end(),
                                  [&](const Training& t) { return !t.done() && !failed(trainings, t); });
  if (left > 0) log_info("{} trainings are left to other processes; the last of them writes the whole table", left);
  const auto has_failed = [](const Training& t) { return !t.failure.empty(); };
  const auto first = std::ranges::find_if(trainings, has_failed);
  const auto others = std::ranges::count_if(trainings, has_failed) - 1;
  if (first == trainings.end()) return {};
  return first->failure + (others > 0 ? fmt::format(" (and {} more failed)", others) : "");
}

/// The final models of what is done, on images that had no part in any choice.
void report_study(const StudyRequest& request, const std::string& images) {
  const std::vector<Training> trainings = trainings_of(request);
  check(request, trainings);
  if (std::none_of(trainings.begin(), trainings.end(), [](const Training& t) { return t.done(); }))
    throw Error("{}: no training of this study is done, so there is nothing to report", request.folder.string());
  const auto result_of = [&](const Training& training) {
    log_info("--- {}, seed {}", training.run->name, training.seed);
    RunOptions options = run_options(request, *training.run, training.seed);
    options.data.val = images;
    Json result = score(request, training.folder, options);
    result["seconds_per_step"] = stored_result(training).at("seconds_per_step");
    return result;
  };
  write_tables(request, study_rows(request, trainings, result_of), "report");
}

}  // namespace skylift
