// skylift eval: a model on a data set, or stored detections against ground truth, by a named protocol.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "apps/commands.h"
#include "apps/engine_arguments.h"
#include "apps/progress_bar.h"
#include "apps/scoring.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/models/model_card.h"
#include "skylift/report/html.h"
#include "skylift/train/run_options.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

struct EvalArguments {
  EvalFilesArguments files;
  ScoringArguments scoring;
  std::string data, model;
  ValidationOptions validation;
  EngineOptions engine;
  DetectOptions detect;
  std::optional<double> score_threshold;
};

/// As in the model's training, but for --score-threshold.
DecodeOptions decode_of(const ModelCard& card, const EvalArguments& arguments) {
  DecodeOptions decode = trained_decode(card, arguments.model);
  if (arguments.score_threshold) decode.score_threshold = *arguments.score_threshold;
  return decode;
}

void eval_model(const EvalArguments& arguments) {
  const Dataset dataset = scored_set(arguments.data);
  check_not_truth(arguments.scoring, dataset.annotations());
  const Predictor predictor(arguments.model, arguments.engine, arguments.detect);
  log_info("{}", predictor.description());
  const std::string unscored = unscored_objects(dataset.annotations(), predictor.classes());
  if (!unscored.empty()) log_warning("{}: not scored, since the model has no such class: {}", arguments.data, unscored);
  DetectedSet detected;
  const StopSignals stop_signals;
  {
    ProgressBar bar;
    ValidationOptions validation = arguments.validation;
    validation.partial = true;
    validation.decode = decode_of(predictor.card(), arguments);
    detected = detect(predictor, dataset, validation, bar.callback());
  }
  const size_t seen = detected.truth.images.size();
  if (seen == 0) throw_if_stopped();
  if (stop_signal() != 0) log_warning("stopped: this is the score of the first {} of {} images", seen, dataset.size());
  score_and_print(detected.truth, detected.detections, arguments.scoring);
  throw_if_stopped();
}

void check_outputs(const EvalArguments& arguments) {
  const ScoringArguments& scoring = arguments.scoring;
  if (!scoring.html.empty()) check_page_name(scoring.html, "--html");
  const std::filesystem::path dt = arguments.files.dt;
  for (const std::filesystem::path& input : {dt, dt / "detections.json", dt / "images.json", {arguments.model}}) {
    check_not_same_file(scoring.json, input, "--json");
    check_not_same_file(scoring.curves, input, "--curves");
  }
}

/// What says how a model runs. --threads is of the scoring, too.
void add_model_arguments(CLI::App& command, EvalArguments& arguments, CLI::Option* model) {
  const std::vector<CLI::Option*> before = command.get_options();
  command
      .add_option("--score-threshold", arguments.score_threshold,
                  "detections up to this are dropped; else as in training")
      ->check(CLI::Range(0.0, 1.0));
  add_tiling_arguments(command, arguments.detect.tiling);
  add_engine_arguments(command, arguments.engine);
  for (CLI::Option* option : command.get_options()) {
    const bool is_new = std::find(before.begin(), before.end(), option) == before.end();
    if (is_new && option->get_name() != "--threads") option->needs(model);
  }
}

void evaluate_any(const EvalArguments& arguments) {
  check_outputs(arguments);
  if (!arguments.files.gt.empty()) {
    eval_files(arguments.files, arguments.scoring);
  } else if (!arguments.model.empty()) {
    eval_model(arguments);
  } else {
    throw Error("eval: nothing to score: expected --data and --model, or --gt and --dt");
  }
}

}  // namespace

void add_eval_command(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command =
      app.add_subcommand("eval", "Score a model or stored detections by the COCO, VisDrone or UAVDT protocol");
  CLI::Option* data =
      command->add_option("--data", arguments->data, "images with annotations to run the model on")->type_name("SPEC");
  CLI::Option* model = command->add_option("--model", arguments->model, "a model file")->type_name("MODEL");
  data->needs(model);
  model->needs(data);
  add_eval_files_arguments(*command, arguments->files);
  data->excludes("--gt");
  add_scoring_arguments(*command, arguments->scoring);
  add_model_arguments(*command, *arguments, model);
  command->footer(
      "Examples: skylift eval --data VisDrone2019-DET-val --model runs/student/best.safetensors --tile 640\n"
      "          skylift eval --gt instances_val2017.json --dt results.json --json -\n"
      "          skylift eval --gt VisDrone2019-DET-val --dt detections/");
  command->callback([arguments] {
    arguments->scoring.options.threads = arguments->engine.threads;
    evaluate_any(*arguments);
  });
}

}  // namespace skylift
