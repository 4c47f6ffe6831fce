// skylift distill: a student under a teacher.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "apps/progress_bar.h"
#include "apps/run_command.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/doctor/doctor.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

struct DistillArguments {
  RunArguments run;
  std::vector<std::string> teachers, classes;
  std::string student, methods;
  bool dry_run = false;
  DoctorOptions doctor;
};

/// The doctor's report instead of a run.
void examine_and_print(const TrainRequest& request, const DistillArguments& arguments) {
  ProgressBar bar;
  const DoctorReport report = examine(request, arguments.doctor, bar.callback());
  const std::string& json = arguments.run.json;
  if (json != "-") fmt::print("{}", to_text(report));
  write_json(json, to_json(report) + "\n");
  if (report.picture.empty()) return;
  const std::filesystem::path picture = request.folder / "regions.jpg";
  write_image(picture, report.picture, 90);
  log_info("where the methods look: {}", picture.string());
}

/// --method; without one the recipe's, of which those on features are for a teacher that shows some: one model of ours.
std::string methods_of(const DistillArguments& arguments) {
  const bool features =
      arguments.teachers.size() == 1 && std::filesystem::path(arguments.teachers[0]).extension() == ".safetensors";
  if (!arguments.methods.empty() || features || arguments.run.config != RunArguments().config) return arguments.methods;
  log_info("this teacher shows no features, so that the recipe's 'bckd' alone is distilled");
  return "bckd";
}

void distill(const DistillArguments& arguments) {
  TrainRequest request{.options = {},
                       .folder = run_folder(arguments.run),
                       .teachers = {arguments.teachers.begin(), arguments.teachers.end()},
                       .init = init_of(arguments.run),
                       .resume = arguments.run.resume,
                       .keep_lifting = arguments.run.keep_lifting};
  RunArguments run = arguments.run;
  const std::string methods = methods_of(arguments);
  if (!methods.empty()) run.assignments.insert(run.assignments.begin(), "kd.methods=" + methods);
  if (!arguments.classes.empty())
    run.assignments.push_back(fmt::format("kd.teacher_classes=[\"{}\"]", fmt::join(arguments.classes, "\", \"")));
  request.options = read_run_options(run);
  if (!arguments.student.empty()) request.student = arguments.student;
  if (arguments.dry_run) return examine_and_print(request, arguments);
  run_training(request, run.json);
}

}  // namespace

void add_distill_command(CLI::App& app) {
  auto arguments = std::make_shared<DistillArguments>();
  CLI::App* command = app.add_subcommand("distill", "Train a student under a teacher");
  add_run_arguments(*command, arguments->run);
  command
      ->add_option(
          "--teacher", arguments->teachers,
          "a model file of `skylift train`, an ONNX file of any detector, or detections of the training images "
          "(COCO results, a VisDrone folder); given again: the mean of several")
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE");
  command
      ->add_option("--teacher-classes", arguments->classes,
                   "which class of another tool's teacher is which of the data's; the others meet by name")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("FROM=TO[,FROM=TO]");
  command->add_option("--student", arguments->student, "a model file to start from")->type_name("MODEL");
  command
      ->add_option("--method", arguments->methods,
                   "what is distilled, over the config's kd.methods; `skylift methods` lists them")
      ->type_name("NAME[,NAME]");
  command->add_flag(
      "--dry-run", arguments->dry_run,
      "train nothing: report how good the teacher is, how strong each term, where the methods look; writes "
      "regions.jpg into --out");
  command
      ->add_option("--dry-run-images", arguments->doctor.images, "training images that --dry-run looks at (default 32)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  command->footer(
      "Examples: skylift distill --data DATA --teacher runs/teacher/best.safetensors\n"
      "          skylift distill --data DATA --teacher detector.onnx --teacher-classes person=pedestrian --dry-run");
  command->callback([arguments] { distill(*arguments); });
}

}  // namespace skylift
