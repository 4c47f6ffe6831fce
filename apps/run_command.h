// What `skylift train` and `skylift distill` have in common: a config, assignments on top of it, a folder, and going
// on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "skylift/eval/evaluation.h"
#include "skylift/train/trainer.h"

namespace CLI {
class App;
}

namespace skylift {

struct RunArguments {
  std::string config = "lite0_student";  ///< a file or a recipe
  std::string data;                      ///< a folder or data.yaml that holds train and val; empty: the config's
  std::vector<std::string> assignments;  ///< key=value, applied after the config
  std::string out;
  std::string json;
  std::string init;    ///< a model file to begin from as far as it fits; empty: none
  std::string device;  ///< over train.device of the config; empty: the config's
  bool resume = false;
  bool keep_lifting = false;
};

void add_run_arguments(CLI::App& command, RunArguments& arguments);

/// The config with --data, --device and --set over it. Error: as read_run_options, or --data without train and val.
RunOptions read_run_options(const RunArguments& arguments);

/// --init for TrainRequest.
std::optional<std::filesystem::path> init_of(const RunArguments& arguments);

/// --out, or runs/ and the path of the config, so that no two configs share a folder.
std::filesystem::path run_folder(const RunArguments& arguments);

/// Trains with a progress bar, prints the last evaluation, writes --json.
TrainSummary run_training(const TrainRequest& request, const std::string& json);

/// Prints a table, and writes the JSON where --json says ("-": stdout instead of the table).
void print_evaluation(const EvalResult& result, const std::string& json);

}  // namespace skylift
