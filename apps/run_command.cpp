#include "apps/run_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "apps/json_output.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/report/run_page.h"

namespace skylift {

void add_run_arguments(CLI::App& command, RunArguments& arguments) {
  command.add_option("--config", arguments.config, "TOML file; `skylift options` lists its keys")
      ->required()
      ->type_name("FILE");
  command.add_option("--set", arguments.assignments, "KEY=VALUE over the config, may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--out", arguments.out, "the run's folder (default: runs/ and the config's name)")
      ->type_name("DIR");
  command.add_option("--json", arguments.json, "write the last evaluation here, - for stdout")->type_name("FILE");
  command.add_option("--device", arguments.device, "cpu, cuda or cuda:N, over the config's train.device");
  command.add_flag("--resume", arguments.resume, "go on with the run in --out exactly where it stopped");
  command.add_flag("--keep-lifting", arguments.keep_lifting,
                   "model files keep Light-ML instead of folding it into the predictors");
}

RunOptions read_run_options(const std::string& config, const std::vector<std::string>& assignments) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  if (!config.empty()) table.load_toml(config);
  for (const std::string& assignment : assignments) table.set(assignment);
  return options;
}

RunOptions read_run_options(const RunArguments& arguments) {
  std::vector<std::string> assignments = arguments.assignments;
  if (!arguments.device.empty()) assignments.insert(assignments.begin(), "train.device=" + arguments.device);
  return read_run_options(arguments.config, assignments);
}

std::filesystem::path run_folder(const RunArguments& arguments) {
  if (!arguments.out.empty()) return arguments.out;
  return std::filesystem::path("runs") / std::filesystem::path(arguments.config).stem();
}

void print_evaluation(const EvalResult& result, const std::string& json) {
  if (json != "-") fmt::print("{}", to_text(result));
  write_json(json, to_json(result) + "\n");
}

TrainSummary run_training(const TrainRequest& request, const std::string& json) {
  ProgressBar bar;
  const TrainSummary summary = train_detector(request, bar.callback());
  write_run_page(request.folder / "report.html", {request.folder});
  print_evaluation(summary.last, json);
  if (summary.best_ap >= 0) {
    log_info("best AP {:.2f}; student in {}", 100 * summary.best_ap, (request.folder / "best.safetensors").string());
  } else {  // the protocol found no object that counts
    log_warning("no AP; student in {}", (request.folder / "last.safetensors").string());
  }
  return summary;
}

}  // namespace skylift
