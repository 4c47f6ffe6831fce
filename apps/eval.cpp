// skylift eval: a model on a data set, or stored detections against ground truth, by a named protocol.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/eval_files.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/formats/data_spec.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

struct EvalArguments {
  EvalFilesArguments files;
  ScoringArguments scoring;
  std::string data, model;
  ValidationOptions validation;
  DecodeOptions decode;
  DeviceOptions device;
};

void eval_model(const EvalArguments& arguments) {
  AnnotationSet annotations = open_data(arguments.data);
  const DatasetOptions options{.classes = annotations.classes, .keep_empty = true};
  const Dataset dataset(std::move(annotations), options);
  const Predictor predictor(load_model(arguments.model), arguments.decode, open_device(arguments.device));
  DetectedSet detected;
  {
    ProgressBar bar;
    detected = detect(predictor, dataset, arguments.validation, bar.callback());
  }
  score_and_print(detected.truth, detected.detections, arguments.scoring);
}

void evaluate_any(const EvalArguments& arguments) {
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
  command->add_option("--batch", arguments->validation.batch_size, "images that go through the network together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--device", arguments->device.device, "cpu, cuda or cuda:N")->capture_default_str();
  command->footer(
      "Examples: skylift eval --data VisDrone2019-DET-val --model runs/student/best.safetensors\n"
      "          skylift eval --gt instances_val2017.json --dt results.json --json -\n"
      "          skylift eval --gt VisDrone2019-DET-val --dt detections/");
  command->callback([arguments] { evaluate_any(*arguments); });
}

}  // namespace skylift
