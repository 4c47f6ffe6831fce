// skylift distill: a student under a teacher.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/run_command.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

struct DistillArguments {
  RunArguments run;
  std::string teacher, student, methods;
};

void distill(const DistillArguments& arguments) {
  TrainRequest request{.options = {},
                       .folder = run_folder(arguments.run),
                       .teacher = arguments.teacher,
                       .student = {},
                       .resume = arguments.run.resume,
                       .keep_lifting = arguments.run.keep_lifting};
  RunArguments run = arguments.run;
  if (!arguments.methods.empty()) run.assignments.insert(run.assignments.begin(), "kd.methods=" + arguments.methods);
  request.options = read_run_options(run);
  if (!arguments.student.empty()) request.student = arguments.student;
  run_training(request, run.json);
}

}  // namespace

void add_distill_command(CLI::App& app) {
  auto arguments = std::make_shared<DistillArguments>();
  CLI::App* command = app.add_subcommand("distill", "Train a student under a teacher");
  add_run_arguments(*command, arguments->run);
  command->add_option("--teacher", arguments->teacher, "a model file that `skylift train` wrote")
      ->required()
      ->type_name("MODEL");
  command->add_option("--student", arguments->student, "a model file to start from")->type_name("MODEL");
  command
      ->add_option("--method", arguments->methods,
                   "what is distilled, over the config's kd.methods; `skylift methods` lists them")
      ->type_name("NAME[,NAME]");
  command->footer(
      "Example: skylift distill --config configs/visdrone/cpu_student.toml --teacher runs/teacher/best.safetensors "
      "--method cid --set model.head.lifting.enabled=true");
  command->callback([arguments] { distill(*arguments); });
}

}  // namespace skylift
