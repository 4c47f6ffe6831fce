// skylift study: an ordered list of trainings, run by run and seed by seed, that ends in a table. What is done is
// skipped, what was interrupted goes on, so the command is simply given again. Given twice at a time, two processes
// share the work.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/place.h"
#include "skylift/study/run.h"

namespace skylift {
namespace {

struct StudyArguments {
  std::string config, out, report, json, device;
  std::vector<std::string> assignments;
};

void study(const StudyArguments& arguments) {
  const StopSignals stop_signals;
  ProgressBar bar;
  StudyRequest request{.plan = read_study_plan(arguments.config),
                       .folder = arguments.out,
                       .assignments = arguments.assignments,
                       .progress = bar.callback()};
  if (!arguments.device.empty()) request.assignments.push_back("train.device=" + arguments.device);
  std::string failure;
  const bool reports = !arguments.report.empty();
  const bool first = process_place().rank == 0;
  if (!reports) failure = train_study(request);
  if (reports && first) report_study(request, arguments.report);
  if (!first) return;
  const std::string table = (request.folder / (reports ? "report" : "results")).string();
  if (arguments.json != "-") fmt::print("{}", read_file(table + ".md"));
  write_json(arguments.json, read_file(table + ".json"));
  if (!failure.empty()) throw Error("{} (the study's other trainings are done)", failure);
}

}  // namespace

void add_study_command(CLI::App& app) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* command = app.add_subcommand("study", "Many trainings by a plan, and the table of what each gains");
  command->add_option("--config", arguments->config, "the plan, a TOML file such as configs/study/visdrone_small.toml")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", arguments->out, "folder of the study; given again, the command goes on there")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--report", arguments->report,
                   "train nothing; score the models that are done on these images, into DIR/report.md")
      ->type_name("SPEC");
  command->add_option("--set", arguments->assignments, "KEY=VALUE over every run's options, may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--json", arguments->json, "write every number here, - for stdout")->type_name("FILE");
  command->add_option("--device", arguments->device, "cpu, cuda or cuda:N, over the configs' train.device");
  command->footer(
      "Several such commands at a time share the trainings.\n"
      "Example: skylift study --config configs/study/visdrone_small.toml --out runs/study --set data.train=DATA/fit "
      "--set data.val=DATA/tune");
  command->callback([arguments] { study(*arguments); });
}

}  // namespace skylift
