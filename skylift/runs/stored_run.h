// A run as it is found in its folder.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "skylift/runs/run_record.h"

namespace skylift {

/// One epoch's numbers: of its steps ("train loss", "train lr") the means, of its evaluation ("eval AP") the values.
struct EpochMetrics {
  int64_t epoch = 0;  ///< from 0
  std::map<std::string, double> values;
};

struct StoredRun {
  std::string name;  ///< its folder, relative to where the runs are
  RunRecord record;
  std::map<std::string, std::string> options;  ///< key -> plain text: 0.01, sgd, true; lists with commas
  std::string protocol;                        ///< of the scores; empty: not evaluated
  std::map<std::string, double> scores;  ///< of the last evaluation: "AP", "AP50", "AP/car"; only the defined ones
  std::vector<EpochMetrics> epochs;
};

/// A config.toml as keys and plain texts. Error: not TOML.
std::map<std::string, std::string> read_config(const std::filesystem::path& path);

/// The lines of a metrics.jsonl; none where there is no such file. Only the last line may be torn, as in a run that is
/// being written: it is left out. Error: another line is no JSON object.
std::vector<nlohmann::ordered_json> read_metrics(const std::filesystem::path& path);

/// Every folder below `root` (and itself) that holds a run, by name.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& root);

/// Error: a damaged file.
StoredRun read_stored_run(const std::filesystem::path& root, const std::filesystem::path& folder);

/// What it is distilled by: "ld,cid"; "none" without a teacher.
std::string method_of(const StoredRun& run);

/// "plain" for ROOT/plain, "." for ROOT itself.
std::string run_name(const std::filesystem::path& root, const std::filesystem::path& folder);

}  // namespace skylift
