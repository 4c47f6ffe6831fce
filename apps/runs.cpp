// skylift runs: what was trained so far, from the folders of the runs and the store over them.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/core/text_table.h"
#include "skylift/runs/run_store.h"
#include "skylift/study/run_comparison.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct RunsArguments {
  std::string root = "runs", json;
  std::vector<std::string> runs, conditions;
};

void warn(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) log_warning("left out: {}", problem);
}

RunStore open_store(const RunsArguments& arguments) {
  RunStore store(arguments.root);
  warn(store.refresh());
  return store;
}

std::vector<RunCondition> conditions_of(const RunsArguments& arguments) {
  std::vector<RunCondition> conditions;
  for (const std::string& text : arguments.conditions) conditions.push_back(parse_condition(text));
  return conditions;
}

/// A run by its name in the store, or by the path of its folder.
StoredRun find_run(RunStore& store, const std::string& text) {
  const std::string as_path = run_name(store.root(), text), as_name = run_name(store.root(), store.root() / text);
  std::vector<std::string> names;
  for (StoredRun& run : store.find()) {
    if (run.name == as_name || run.name == as_path) return std::move(run);
    names.push_back(run.name);
  }
  if (names.empty()) throw Error("{}: holds no runs", store.root().string());
  throw Error("{}: no such run in {}{}", text, store.root().string(), suggestion(text, names));
}

/// Those that are named, in that order, or all that meet the conditions, the oldest first.
std::vector<StoredRun> chosen_runs(RunStore& store, const RunsArguments& arguments) {
  if (arguments.runs.empty()) return store.find(conditions_of(arguments), "begun");
  std::vector<StoredRun> runs;
  for (const std::string& text : arguments.runs) runs.push_back(find_run(store, text));
  return runs;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string progress_text(const RunRecord& record) { return fmt::format("{}/{}", record.step, record.total_steps); }

Json summary_json(const StoredRun& run) {
  Json json = Json::parse(to_json(run.record));
  json["name"] = run.name;
  json["method"] = method_of(run);
  json["protocol"] = run.protocol;
  json["scores"] = run.scores;
  return json;
}

void list(const RunsArguments& arguments) {
  RunStore store = open_store(arguments);
  const std::vector<StoredRun> runs = store.find(conditions_of(arguments), "begun");
  std::vector<std::vector<std::string>> rows = {
      {"run", "state", "steps", "seed", "method", "protocol", "AP", "AP50", "best AP", "took", "begun"}};
  Json json = Json::array();
  for (const StoredRun& run : runs) {
    const RunRecord& record = run.record;
    const auto seed = run.options.find("train.seed");
    rows.push_back({run.name, state_name(record.state), progress_text(record),
                    seed == run.options.end() ? "-" : seed->second, method_of(run),
                    run.protocol.empty() ? "-" : run.protocol, score_text(run, "AP"), score_text(run, "AP50"),
                    record.best_ap < 0 ? "-" : fmt::format("{:.2f}", 100 * record.best_ap),
                    duration_text(record.seconds), record.begun});
    json.push_back(summary_json(run));
  }
  if (arguments.json != "-") fmt::print("{}", text_table(rows));
  write_json(arguments.json, dump_json(json, 2) + "\n");
  if (runs.empty()) log_info("{}: no such runs", arguments.root);
}

/// Whether a model file is the one that the run wrote.
std::string model_state(const fs::path& file, const std::string& checksum) {
  if (!is_there(file)) return "gone";
  return file_checksum(file) == checksum ? "as trained" : "changed since it was trained";
}

std::string facts_text(const RunStore& store, const StoredRun& run) {
  const RunRecord& record = run.record;
  std::string state = state_name(record.state);
  if (!record.reason.empty()) state += ": " + record.reason;
  std::string text = fmt::format(
      "{}\nstate      {}\nsteps      {} in {}, {} of {} epochs begun, {} session(s)\n"
      "begun      {}, last heard of {}\ncommand    {}\ncode       {}\n",
      run.name, state, progress_text(record), duration_text(record.seconds), run.epochs.size(), record.epochs,
      record.sessions, record.begun, record.changed, fmt::join(record.command, " "), record.code);
  text += "machine   ";
  for (const auto& [key, value] : record.machine) text += fmt::format(" {}: {};", key, value);
  text.back() = '\n';
  for (const auto& [key, value] : record.identity) text += fmt::format("{}: {}\n", key, value);
  for (const auto& [file, checksum] : record.models)
    text += fmt::format("{}: {}, {}\n", file, checksum, model_state(store.root() / run.name / file, checksum));
  return text;
}

std::string epochs_text(const StoredRun& run) {
  std::vector<std::vector<std::string>> rows = {{"epoch", "loss", "AP", "AP50"}};
  for (const EpochMetrics& epoch : run.epochs) {
    const auto value = [&](const char* key, double factor, int digits) {
      const auto found = epoch.values.find(key);
      return found == epoch.values.end() || found->second < 0 ? "-"
                                                              : fmt::format("{:.{}f}", factor * found->second, digits);
    };
    rows.push_back({std::to_string(epoch.epoch + 1), value("train loss", 1, 4), value("eval AP", 100, 2),
                    value("eval AP50", 100, 2)});
  }
  return text_table(rows);
}

std::string scores_text(const StoredRun& run) {
  if (run.scores.empty()) return "not evaluated\n";
  std::vector<std::vector<std::string>> rows = {{run.protocol + " protocol, %", "last evaluation"}};
  for (const auto& [key, value] : run.scores) rows.push_back({key, score_text(run, key)});
  return text_table(rows);
}

void show(const RunsArguments& arguments) {
  RunStore store = open_store(arguments);
  const StoredRun run = find_run(store, arguments.runs.front());
  std::vector<std::vector<std::string>> options = {{"option", "value"}};
  for (const auto& [key, value] : run.options) options.push_back({key, value});
  if (arguments.json != "-") {
    fmt::print("{}\n{}\n{}\n{}", facts_text(store, run), scores_text(run), epochs_text(run), text_table(options));
  }
  Json json = summary_json(run);
  json["options"] = run.options;
  for (const EpochMetrics& epoch : run.epochs) {
    Json values = {{"epoch", epoch.epoch}};
    values.update(epoch.values);
    json["metrics"].push_back(std::move(values));
  }
  write_json(arguments.json, dump_json(json, 2) + "\n");
}

void compare(const RunsArguments& arguments) {
  RunStore store = open_store(arguments);
  const RunComparison comparison = compare_runs(chosen_runs(store, arguments));
  if (arguments.json != "-") fmt::print("{}", to_text(comparison));
  write_json(arguments.json, to_json(comparison));
}

void remove(const RunsArguments& arguments) {
  RunStore store = open_store(arguments);
  const std::vector<StoredRun> runs = chosen_runs(store, arguments);  // nothing is removed if one is not found
  for (const StoredRun& run : runs) {
    const fs::path folder = store.root() / run.name;
    if (run.record.state == RunState::running)
      throw Error("{}: is running (hint: stop process {} on {} first)", folder.string(), run.record.process.pid,
                  run.record.process.host);
    if (find_runs(folder).size() > 1) throw Error("{}: holds other runs too; remove those first", folder.string());
  }
  for (const StoredRun& run : runs) {
    const fs::path folder = fs::weakly_canonical(store.root() / run.name);  // of the root itself no "root/."
    fs::remove_all(folder);
    log_info("removed {}", folder.string());
  }
  if (is_there(store.root())) warn(store.refresh());
}

void rebuild(const RunsArguments& arguments) {
  warn(rebuild_store(arguments.root));
  log_info("{}: {} runs", (fs::path(arguments.root) / kRunStoreFile).string(), RunStore(arguments.root).find().size());
}

CLI::App* add_command(CLI::App& runs, const char* name, const char* help,
                      const std::shared_ptr<RunsArguments>& arguments, void (*work)(const RunsArguments&)) {
  CLI::App* command = runs.add_subcommand(name, help);
  command->add_option("--root", arguments->root, "the folder below which the runs are (default: runs)")
      ->type_name("DIR");
  command->callback([arguments, work] { work(*arguments); });
  return command;
}

CLI::Option* add_conditions(CLI::App* command, const std::shared_ptr<RunsArguments>& arguments) {
  return command
      ->add_option("--where", arguments->conditions,
                   "KEY=VALUE (or !=, <, <=, >, >=, ~ for: holds the text) of an option, a score or a column such as "
                   "state; may be repeated, all must hold")
      ->type_name("CONDITION")
      ->allow_extra_args(false);
}

void add_json(CLI::App* command, const std::shared_ptr<RunsArguments>& arguments) {
  command->add_option("--json", arguments->json, "write it here, - for stdout")->type_name("FILE");
}

}  // namespace

void add_runs_command(CLI::App& app) {
  CLI::App* runs = app.add_subcommand("runs", "What was trained: list, compare and remove runs");
  runs->require_subcommand(1);
  const auto arguments = std::make_shared<RunsArguments>();

  CLI::App* lists = add_command(*runs, "list", "The runs, the oldest first", arguments, list);
  add_conditions(lists, arguments);
  add_json(lists, arguments);

  CLI::App* shows = add_command(*runs, "show", "All that is known of one run", arguments, show);
  shows->add_option("run", arguments->runs, "its name in the list, or its folder")
      ->required()
      ->expected(1)
      ->type_name("RUN");
  add_json(shows, arguments);

  CLI::App* compares = add_command(
      *runs, "compare", "Options and scores side by side, means and differences over seeds", arguments, compare);
  CLI::Option* conditions = add_conditions(compares, arguments);
  compares->add_option("runs", arguments->runs, "runs; the others are compared with the first")
      ->excludes(conditions)
      ->type_name("RUN");
  add_json(compares, arguments);

  CLI::App* removes = add_command(*runs, "rm", "Remove runs with their folders", arguments, remove);
  removes->add_option("runs", arguments->runs, "runs")->required()->type_name("RUN");

  add_command(*runs, "rebuild", "Make the store anew from the folders", arguments, rebuild);
  runs->footer(
      "Example: skylift runs list --where state=done --where train.seed=0\n"
      "         skylift runs compare runs/plain runs/distilled");
}

}  // namespace skylift
