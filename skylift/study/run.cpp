#include "skylift/study/run.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
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
#include "skylift/study/score.h"
#include "skylift/study/table.h"
#include "skylift/study/trainings.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/gather_detections.h"
#include "skylift/train/trainer.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

/// Scores by every protocol, and the cost at the input size.
Json score(const StudyRequest& request, const Training& training, const RunOptions& options) {
  const FinishedModel model = detect_finished(training.final_model(), options, request.progress);
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

void write_result(const Training& training, const Json& result) {
  write_file(training.result_file(), dump_json(result, 2) + "\n");
}

void train_and_score(const StudyRequest& request, const std::vector<Training>& trainings, const Training& training) {
  const RunOptions options = options_of(request, training);
  log_info("--- {}, seed {}", training.run->name, training.seed);
  const TrainSummary summary = train_detector({.options = options,
                                               .folder = training.folder,
                                               .teachers = teacher_models(trainings, *training.run),
                                               .resume = has_checkpoint(training.folder)},
                                              request.progress);
  if (!is_first_process()) return;
  Json result = score(request, training, options);
  result["steps"] = summary.steps;
  result["seconds_per_step"] = summary.seconds_per_step;
  write_result(training, result);
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

Json stored_result(const Training& training) { return Json::parse(read_file(training.result_file())); }

/// A plan may ask for protocols that it did not ask for when a training was scored.
void score_anew(const StudyRequest& request, const Training& training) {
  const Json stored = stored_result(training);
  const auto scored = [&](const std::string& protocol) { return stored.at("evaluations").contains(protocol); };
  if (std::ranges::all_of(request.plan.protocols, scored)) return;
  log_info("--- {}, seed {}: scored anew", training.run->name, training.seed);
  Json result = score(request, training, options_of(request, training));
  for (const char* of_the_training : {"steps", "seconds_per_step"})
    result[of_the_training] = stored.at(of_the_training);
  write_result(training, result);
}

/// Opens the device too: what several processes need of CUDA has to be loaded before they meet.
bool uses_gpu(const StudyRequest& request, const std::vector<Training>& trainings) {
  return process_place().count > 1 && std::ranges::any_of(trainings, [&](const Training& training) {
           return open_device(options_of(request, training).train.compute).device.is_cuda();
         });
}

}  // namespace

std::string train_study(const StudyRequest& request) {
  std::vector<Training> trainings = trainings_of(request);
  check_trainings(request, trainings);
  check_methods(request, trainings);
  const JoinedProcesses joined(uses_gpu(request, trainings));
  for (const Training& training : trainings) {
    if (is_first_process() && training.done()) score_anew(request, training);
  }
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
  check_trainings(request, trainings);
  if (std::none_of(trainings.begin(), trainings.end(), [](const Training& t) { return t.done(); }))
    throw Error("{}: no training of this study is done, so there is nothing to report", request.folder.string());
  const auto result_of = [&](const Training& training) {
    log_info("--- {}, seed {}", training.run->name, training.seed);
    RunOptions options = options_of(request, training);
    options.data.val = images;
    Json result = score(request, training, options);
    result["seconds_per_step"] = stored_result(training).at("seconds_per_step");
    return result;
  };
  write_tables(request, study_rows(request, trainings, result_of), "report");
}

}  // namespace skylift
