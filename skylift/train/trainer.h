// A whole training run, plain or distilled, into its folder:
//   run.json (what it is and how far it is, skylift/runs/run_record.h), config.toml (as resolved), metrics.jsonl,
//   events.out.tfevents.*, best.safetensors, last.safetensors (the student alone), resume/ (all that is needed to go
//   on).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "skylift/core/progress.h"
#include "skylift/eval/evaluation.h"
#include "skylift/models/model_file.h"
#include "skylift/train/run_options.h"

namespace skylift {

struct TrainRequest {
  RunOptions options;
  std::filesystem::path folder;
  std::vector<std::filesystem::path> teachers = {};  ///< open_teacher's files; empty: plain training
  /// A model file to start from; its architecture must be options.model's.
  std::optional<std::filesystem::path> student = {};
  /// A model file of which the tensors that fit are taken (models/start_from.h).
  std::optional<std::filesystem::path> init = {};
  bool resume = false;        ///< go on from folder/resume; what it says must be that run (resume_state.h)
  bool keep_lifting = false;  ///< model files keep Light-ML unfolded
};

struct TrainSummary {
  double best_ap = -1;                ///< the protocol's AP, over the run's evaluations
  EvalResult last;                    ///< the last evaluation
  std::optional<EvalResult> teacher;  ///< the teacher's own score, taken before training
  int64_t steps = 0;
  double seconds_per_step = 0;  ///< mean over all of the run's steps, data loading included
};

/// The student as a run begins with it: its weights depend on train.seed alone, or are those of request.student, or in
/// part those of request.init or, with kd.inherit, those of `teacher` (null: none, or another tool's).
/// Error: request.student has other classes or another options.model (training options of the backbone, and whether
/// Light-ML is folded, aside), or is given together with request.init or kd.inherit.
std::shared_ptr<Detector> make_student(const TrainRequest& request, const std::vector<std::string>& classes,
                                       const Detector* teacher);

/// As one of several processes (skylift/dist/processes.h) it trains with the others, as one process with a batch as
/// large as theirs together would; files are rank 0's. What torchrun has started anew goes on from the last state.
/// Error: options that do not fit, a folder with another run or process, an unfit teacher, sets without objects, numbers
/// not finite, a full disk. Stopped: a signal came. After either, request.resume goes on with what was saved.
TrainSummary train_detector(const TrainRequest& request, const ProgressCallback& progress = {});

}  // namespace skylift
