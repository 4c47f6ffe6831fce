// skylift eval: detections against ground truth, by a named protocol.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/eval_files.h"

namespace skylift {
namespace {

struct EvalArguments {
  EvalFilesArguments files;
  ScoringArguments scoring;
};

}  // namespace

void add_eval_command(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = app.add_subcommand("eval", "Score detections by the COCO, VisDrone or UAVDT protocol");
  add_eval_files_arguments(*command, arguments->files);
  add_scoring_arguments(*command, arguments->scoring);
  command->get_option("--gt")->required();
  command->footer(
      "Examples: skylift eval --gt instances_val2017.json --dt results.json --json -\n"
      "          skylift eval --gt VisDrone2019-DET-val --dt detections/");
  command->callback([arguments] { eval_files(arguments->files, arguments->scoring); });
}

}  // namespace skylift
