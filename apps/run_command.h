// What `skylift train` and `skylift distill` have in common: a config, assignments on top of it, a folder, and going
// on.
#pragma once

#include <string>
#include <vector>

#include "skylift/eval/evaluation.h"
#include "skylift/train/trainer.h"

namespace CLI {
class App;
}

namespace skylift {

struct RunArguments {
  std::string config;
  std::vector<std::string> assignments;  ///< key=value, applied after the config
  std::string out;
  std::string json;
  std::string device;  ///< over train.device of the config; empty: the config's
  bool resume = false;
  bool keep_lifting = false;
};

void add_run_arguments(CLI::App& command, RunArguments& arguments);

/// A config with assignments on top of it; an empty path: the defaults. Error: unknown keys, values out of range.
RunOptions read_run_options(const std::string& config, const std::vector<std::string>& assignments = {});

/// The same for a run, whose --device goes over the config.
RunOptions read_run_options(const RunArguments& arguments);

/// --out, or runs/ and the path of the config, so that no two configs share a folder.
std::filesystem::path run_folder(const RunArguments& arguments);

/// Trains with a progress bar, prints the last evaluation, writes --json.
TrainSummary run_training(const TrainRequest& request, const std::string& json);

/// Prints a table, and writes the JSON where --json says ("-": stdout instead of the table).
void print_evaluation(const EvalResult& result, const std::string& json);

}  // namespace skylift
