// skylift study: an ordered list of trainings, run by run and seed by seed, that ends in a table. What is done is
// skipped, what was interrupted goes on, so the command is simply given again.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "apps/progress_bar.h"
#include "apps/run_command.h"
#include "apps/study_plan.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/models/cost.h"
#include "skylift/report/study_table.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct StudyArguments {
  std::string config, out, json, device;
  std::vector<std::string> assignments;
};

constexpr const char* kResult = "result.json";  ///< its presence says that a training is done and scored

fs::path training_folder(const StudyArguments& arguments, const PlannedRun& run, int seed) {
  return fs::path(arguments.out) / run.name / fmt::format("seed{}", seed);
}

RunOptions run_options(const StudyArguments& arguments, const PlannedRun& run, int seed) {
  std::vector<std::string> assignments = run.assignments;
  assignments.insert(assignments.end(), arguments.assignments.begin(), arguments.assignments.end());
  if (!arguments.device.empty()) assignments.push_back("train.device=" + arguments.device);
  assignments.push_back(fmt::format("train.seed={}", seed));
  return read_run_options(run.config.string(), assignments);
}

/// The last model, not the best: choosing an epoch by the images that are reported would flatter every run.
fs::path final_model(const fs::path& folder) { return folder / "last.safetensors"; }

std::optional<fs::path> teacher_model(const StudyArguments& arguments, const StudyPlan& plan, const PlannedRun& run) {
  if (run.teacher.empty()) return std::nullopt;
  for (const PlannedRun& other : plan.runs) {
    if (other.name == run.teacher) return final_model(training_folder(arguments, other, other.seeds.front()));
  }
  return run.teacher;
}

/// Scores by every protocol, and the cost at the input size.
Json score(const fs::path& folder, const RunOptions& options, const std::vector<std::string>& protocols) {
  ProgressBar bar;
  Model model = load_model(final_model(folder));
  const PartCost cost =
      total_cost(part_costs(*model.detector, options.data.input.short_side, options.data.input.long_side));
  const Predictor predictor(std::move(model), options.decode, open_device(options.train.compute));
  const Dataset val_set = open_validation_set(options.data, predictor.card().classes);
  const DetectedSet detected = detect(predictor, val_set, {.batch_size = options.train.batch_size}, bar.callback());
  Json json = {{"parameters", cost.parameters}, {"gmacs", static_cast<double>(cost.multiply_adds) / 1e9}};
  for (const std::string& protocol : protocols) {
    EvalOptions eval = options.eval;
    eval.protocol = protocol;
    if (protocol != options.eval.protocol)
      eval.max_dets = protocol == "coco" ? std::vector{1, 10, 100, 500} : std::vector<int>{};
    json["evaluations"][protocol] = Json::parse(to_json(evaluate(detected.truth, detected.detections, eval)));
  }
  return json;
}

/// Trains if it is not done yet. The options of a training that is done must still be those of the plan.
Json train_and_score(const StudyArguments& arguments, const StudyPlan& plan, const PlannedRun& run, int seed) {
  const fs::path folder = training_folder(arguments, run, seed);
  const RunOptions options = run_options(arguments, run, seed);
  const std::string config = config_text(options);
  if (fs::exists(folder / kResult)) {
    if (read_file(folder / "config.toml") != config) {
      throw Error(
          "{}: was trained with other options than the plan's (hint: remove this folder, or name another --out)",
          folder.string());
    }
    return Json::parse(read_file(folder / kResult));
  }
  log_info("--- {}, seed {}", run.name, seed);
  ProgressBar bar;
  const TrainSummary summary = train_detector({.options = options,
                                               .folder = folder,
                                               .teacher = teacher_model(arguments, plan, run),
                                               .student = {},
                                               .resume = fs::exists(folder / "resume")},
                                              bar.callback());
  Json result = score(folder, options, plan.protocols);
  result["steps"] = summary.steps;
  result["seconds_per_step"] = summary.seconds_per_step;
  write_file(folder / kResult, result.dump(2) + "\n");
  return result;
}

SeedScores seed_scores(const Json& result, int seed) {
  SeedScores scores{.seed = seed, .scores = {}, .seconds_per_step = result.at("seconds_per_step")};
  for (const auto& [protocol, evaluation] : result.at("evaluations").items()) {
    for (const auto& [key, value] : evaluation.items()) {
      if (key.starts_with("A") && value.is_number()) scores.scores[protocol + " " + key] = value;
    }
  }
  return scores;
}

std::vector<std::string> shown_scores(const StudyPlan& plan) {
  std::vector<std::string> scores;
  for (const std::string& protocol : plan.protocols) {
    scores.insert(scores.end(), {protocol + " AP50", protocol + " AP"});
    if (protocol == "coco") scores.insert(scores.end(), {"coco AP_small", "coco AP_medium", "coco AP_large"});
  }
  return scores;
}

void write_tables(const StudyArguments& arguments, const StudyPlan& plan, const std::vector<StudyRow>& rows) {
  const std::string main_score = plan.protocols.front() + " AP50";
  write_file(fs::path(arguments.out) / "results.md", study_text(rows, shown_scores(plan), main_score));
  write_file(fs::path(arguments.out) / "results.json", study_json(rows, main_score));
}

/// Seed by seed, so that an unfinished study has whole comparisons.
void study(const StudyArguments& arguments) {
  const StudyPlan plan = read_study_plan(arguments.config);
  for (const PlannedRun& run : plan.runs) run_options(arguments, run, run.seeds.front());  // mistakes come first
  std::vector<StudyRow> rows;
  std::set<int> seeds;
  for (const PlannedRun& run : plan.runs) {
    rows.push_back({.name = run.name, .against = run.against, .seeds = {}});
    seeds.insert(run.seeds.begin(), run.seeds.end());
  }
  for (const int seed : seeds) {
    for (size_t i = 0; i < plan.runs.size(); ++i) {
      const PlannedRun& run = plan.runs[i];
      if (std::find(run.seeds.begin(), run.seeds.end(), seed) == run.seeds.end()) continue;
      const Json result = train_and_score(arguments, plan, run, seed);
      rows[i].parameters = result.at("parameters");
      rows[i].gmacs = result.at("gmacs");
      rows[i].seeds.push_back(seed_scores(result, seed));
      write_tables(arguments, plan, rows);
    }
  }
  const fs::path out(arguments.out);
  if (arguments.json != "-") fmt::print("{}", read_file(out / "results.md"));
  write_json(arguments.json, read_file(out / "results.json"));
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
  command->add_option("--set", arguments->assignments, "KEY=VALUE over every run's options, may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--json", arguments->json, "write every number here, - for stdout")->type_name("FILE");
  command->add_option("--device", arguments->device, "cpu, cuda or cuda:N, over the configs' train.device");
  command->footer(
      "Example: skylift study --config configs/study/visdrone_small.toml --out runs/study --set data.train=DATA/train "
      "--set data.val=DATA/val");
  command->callback([arguments] { study(*arguments); });
}

}  // namespace skylift
