#include "skylift/runs/stored_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/core/toml.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string plain_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* array = node.as_array()) {
    std::vector<std::string> items;
    for (const toml::node& item : *array) items.push_back(plain_text(item));
    return fmt::format("{}", fmt::join(items, ","));
  }
  std::ostringstream stream;
  node.visit([&](const auto& value) { stream << value; });
  return stream.str();
}

void flatten(const toml::table& table, const std::string& prefix, std::map<std::string, std::string>& options) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      flatten(*inner, key, options);
    } else {
      options[key] = plain_text(node);
    }
  }
}

/// The defined numbers of an evaluation as `skylift eval --json` writes it.
std::map<std::string, double> scores_of(const Json& evaluation) {
  std::map<std::string, double> scores;
  const auto take = [&](const std::string& key, const Json& value) {
    if (key.starts_with("A") && value.is_number() && value.get<double>() >= 0) scores[key] = value;
  };
  for (const auto& [key, value] : evaluation.items()) take(key, value);
  if (!evaluation.contains("per_class")) return scores;
  for (const auto& [name, values] : evaluation.at("per_class").items()) {
    for (const auto& [key, value] : values.items()) take(key + "/" + name, value);
  }
  return scores;
}

/// Means over an epoch's lines; an evaluation is one line, so that its mean is itself.
class EpochMeans {
 public:
  void add(const Json& line) {
    const std::string kind = line.value("kind", "");
    for (const auto& [key, value] : line.items()) {
      if (!value.is_number() || key == "step" || key == "epoch" || key == "time") continue;
      auto& [sum, count] = sums_[line.value("epoch", int64_t{0})][kind + " " + key];
      sum += value.get<double>();
      ++count;
    }
  }
  std::vector<EpochMetrics> means() const {
    std::vector<EpochMetrics> epochs;
    for (const auto& [epoch, sums] : sums_) {
      EpochMetrics metrics{.epoch = epoch, .values = {}};
      for (const auto& [key, sum] : sums) metrics.values[key] = sum.first / sum.second;
      epochs.push_back(std::move(metrics));
    }
    return epochs;
  }

 private:
  std::map<int64_t, std::map<std::string, std::pair<double, int>>> sums_;
};

void take_metrics(const std::vector<Json>& lines, StoredRun& run) {
  EpochMeans means;
  for (const Json& line : lines) {
    means.add(line);
    if (run.record.state == RunState::running && line.value("kind", "") == "train")
      run.record.step = line.value("step", run.record.step);
  }
  run.epochs = means.means();
}

}  // namespace

std::map<std::string, std::string> read_config(const fs::path& path) {
  std::map<std::string, std::string> options;
  flatten(parse_toml(read_file(path), path.string()), "", options);
  return options;
}

std::vector<Json> read_metrics(const fs::path& path) {
  std::vector<Json> records;
  if (!is_there(path)) return records;  // a run that has just begun
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_object()) {
      records.push_back(std::move(record));
    } else if (!lines.eof()) {
      throw Error("{}:{}: not a JSON object", path.string(), records.size() + 1);
    }
  }
  return records;
}

std::vector<fs::path> find_runs(const fs::path& root) {
  std::vector<fs::path> folders;
  if (is_there(root / kRunRecordFile)) folders.push_back(root);
  std::error_code code;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, code);
  if (code) throw Error("{}: cannot read this folder: {}", root.string(), code.message());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    if (code) break;  // a folder that was removed meanwhile ends the walk; what is left is found next time
    if (entry->is_directory(code) && is_there(entry->path() / kRunRecordFile)) folders.push_back(entry->path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::string run_name(const fs::path& root, const fs::path& folder) {
  return fs::weakly_canonical(folder).lexically_relative(fs::weakly_canonical(root)).string();
}

std::string method_of(const StoredRun& run) {
  const auto teacher = run.record.identity.find("teacher");
  const auto methods = run.options.find("kd.methods");
  const bool has_teacher = teacher != run.record.identity.end() && teacher->second != "none";
  return has_teacher && methods != run.options.end() ? methods->second : "none";
}

StoredRun read_stored_run(const fs::path& root, const fs::path& folder) try {
  StoredRun run{.name = run_name(root, folder),
                .record = read_run_record(folder),
                .options = read_config(folder / "config.toml"),
                .protocol = {},
                .scores = {},
                .epochs = {}};
  if (!run.record.evaluation.empty()) {
    const Json evaluation = Json::parse(run.record.evaluation);
    run.protocol = evaluation.value("protocol", "");
    run.scores = scores_of(evaluation);
  }
  take_metrics(read_metrics(folder / "metrics.jsonl"), run);
  return run;
} catch (const Json::exception& error) {  // JSON, but a number where a text belongs, say
  throw Error("{}: damaged run.json or metrics.jsonl: {}", folder.string(), error.what());
}

}  // namespace skylift
