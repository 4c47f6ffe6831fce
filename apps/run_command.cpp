#include "apps/run_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "apps/json_output.h"
#include "apps/progress_bar.h"
#include "apps/region_maps.h"
#include "skylift/annotations/find_splits.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/place.h"
#include "skylift/report/run_page.h"

namespace skylift {

void add_run_arguments(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--config", arguments.config,
                  "a TOML file or the name of a recipe; `skylift recipes` lists them, `skylift options` the keys")
      ->type_name("FILE|NAME")
      ->capture_default_str();
  command.add_option("--data", arguments.data, "folder or data.yaml with train and val, over the config's data")
      ->type_name("DIR");
  command.add_option("--set", arguments.assignments, "KEY=VALUE over the config, may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--out", arguments.out, "the run's folder (default: runs/ and the config's path without .toml)")
      ->type_name("DIR");
  command.add_option("--json", arguments.json, "write the last evaluation here, - for stdout")->type_name("FILE");
  command
      .add_option("--init", arguments.init,
                  "a model to begin from: the tensors that fit, of the class predictor the rows of the same classes")
      ->type_name("MODEL");
  command.add_option("--device", arguments.device, "cpu, cuda or cuda:N, over the config's train.device");
  command.add_flag("--resume", arguments.resume, "go on with the run in --out exactly where it stopped");
  command.add_flag("--keep-lifting", arguments.keep_lifting,
                   "model files keep Light-ML instead of folding it into the predictors");
}

RunOptions read_run_options(const RunArguments& arguments) {
  std::vector<std::string> assignments;
  if (!arguments.data.empty()) {
    const DataSplits splits = find_splits(arguments.data);
    assignments = {"data.train=" + splits.train, "data.val=" + splits.val};
  }
  if (!arguments.device.empty()) assignments.push_back("train.device=" + arguments.device);
  assignments.insert(assignments.end(), arguments.assignments.begin(), arguments.assignments.end());
  return read_run_options(arguments.config, assignments);
}

std::optional<std::filesystem::path> init_of(const RunArguments& arguments) {
  return arguments.init.empty() ? std::nullopt : std::optional<std::filesystem::path>(arguments.init);
}

std::filesystem::path run_folder(const RunArguments& arguments) {
  if (!arguments.out.empty()) return arguments.out;
  // The whole path: the sets' configs have the same file names.
  namespace fs = std::filesystem;
  const fs::path config = fs::absolute(arguments.config).lexically_normal();
  fs::path below = config.lexically_relative(fs::current_path());
  const bool outside = below.empty() || *below.begin() == "..";
  return fs::path("runs") / (outside ? config.relative_path() : below).replace_extension();
}

void print_evaluation(const EvalResult& result, const std::string& json) {
  if (json != "-") fmt::print("{}", to_text(result));
  write_json(json, to_json(result) + "\n");
}

TrainSummary run_training(const TrainRequest& request, const std::string& json) {
  for (const auto& model : request.teachers) check_not_same_file(json, model, "--json");
  for (const auto& model : {request.student, request.init}) check_not_same_file(json, model.value_or(""), "--json");
  const StopSignals stop_signals;
  ProgressBar bar;
  const TrainSummary summary = train_detector(request, bar.callback());
  if (process_place().rank > 0) return summary;  // rank 0 shows it
  print_evaluation(summary.last, json);
  draw_regions(request);
  write_run_page(request.folder / "report.html", {request.folder});
  if (summary.best_ap >= 0) {
    log_info("best AP {:.2f}; student in {}", 100 * summary.best_ap, (request.folder / "best.safetensors").string());
  } else {  // the protocol found no object that counts
    log_warning("no AP; student in {}", (request.folder / "last.safetensors").string());
  }
  return summary;
}

}  // namespace skylift
