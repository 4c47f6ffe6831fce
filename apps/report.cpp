// skylift report: a page about one or several runs. Their models, and the teacher's, are run on the validation images
// to be compared; what cannot be run is said and left out.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "apps/commands.h"
#include "apps/latency.h"
#include "apps/progress_bar.h"
#include "apps/region_maps.h"
#include "apps/run_command.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/models/cost.h"
#include "skylift/report/html.h"
#include "skylift/report/run_page.h"
#include "skylift/runs/run_record.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

struct NamedModel {
  std::string name;
  fs::path file;
  bool is_teacher = false;
};

/// The teacher of the first run that has one of ours, unless it is one of the runs itself; then each run's best model.
std::vector<NamedModel> models_of(const std::vector<fs::path>& runs) {
  const std::vector<std::string> names = run_names(runs);
  std::vector<NamedModel> models;
  std::optional<fs::path> teacher;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::vector<std::string> teachers = read_run_record(runs[i]).teachers;
    const bool is_ours = teachers.size() == 1 && fs::path(teachers.front()).extension() == ".safetensors";
    if (is_ours && !teacher) teacher = teachers.front();
    if (is_there(runs[i] / "best.safetensors")) {
      models.push_back({names[i], runs[i] / "best.safetensors"});
    } else {
      log_warning("{}: no model yet, so that the page shows its curves alone", runs[i].string());
    }
  }
  if (!teacher) return models;
  if (!is_there(*teacher)) {
    log_warning("{}: the teacher is no longer there, so that the page does not compare it", teacher->string());
  } else if (std::ranges::none_of(runs,
                                  [&](const fs::path& run) { return fs::equivalent(teacher->parent_path(), run); })) {
    models.insert(models.begin(), {"teacher", *teacher, /*is_teacher=*/true});
  }
  return models;
}

/// A model's cost and what it found, before it is known on which classes all are scored.
struct SeenModel {
  ComparedModel compared;
  DetectedSet detected;
};

SeenModel seen_model(const NamedModel& named, const RunOptions& options, const Dataset& images) {
  log_info("{}: {}", named.name, named.file.string());
  ProgressBar bar;
  Model model = load_model(named.file);
  const DecodeOptions decode = trained_decode(model.card, named.file.string());
  const PartCost cost =
      total_cost(part_costs(*model.detector, options.data.input.short_side, options.data.input.long_side));
  const Predictor predictor(std::move(model), decode, open_device(options.train.compute));
  SeenModel seen{.compared = {},
                 .detected = detect(predictor, images, {.batch_size = options.train.batch_size}, bar.callback())};
  seen.compared.name = named.name;
  seen.compared.parameters = static_cast<double>(cost.parameters);
  seen.compared.gmacs = static_cast<double>(cost.multiply_adds) / 1e9;
  seen.compared.milliseconds = milliseconds_an_image(predictor, images);
  seen.compared.engine = predictor.description();
  return seen;
}

/// In the first one's order. They differ where the runs' data.classes do.
std::vector<std::string> common_classes(const std::vector<SeenModel>& models) {
  std::vector<std::string> classes = models.front().detected.truth.classes;
  for (const SeenModel& model : models) {
    std::erase_if(classes, [&](const std::string& name) {
      return std::ranges::find(model.detected.truth.classes, name) == model.detected.truth.classes.end();
    });
  }
  return classes;
}

/// On the classes that all of them know.
ModelComparison scored(std::vector<SeenModel> models, const EvalOptions& eval) {
  ModelComparison comparison;
  const std::vector<std::string> classes = common_classes(models);
  for (SeenModel& model : models) {
    if (model.detected.truth.classes.size() != classes.size())
      comparison.note = fmt::format("Compared on what all of the models know: {}.", fmt::join(classes, ", "));
    keep_classes(model.detected, classes, "all of the models together");
    const auto& [truth, detections] = model.detected;
    model.compared.result = evaluate(truth, detections, eval);
    model.compared.by_size = evaluate(truth, detections, {.protocol = "coco", .max_dets = {1, 10, 100, 500}});
    model.compared.errors = break_down_errors(truth, detections);
    model.compared.detections = std::move(model.detected.detections);
    comparison.models.push_back(std::move(model.compared));
  }
  comparison.truth = std::move(models.front().detected.truth);
  if (!comparison.note.empty()) log_warning("{}", comparison.note);
  return comparison;
}

/// On the validation images of the first run.
ModelComparison compare_models(const std::vector<fs::path>& runs) {
  const std::vector<NamedModel> models = models_of(runs);
  if (models.empty()) return {};
  try {
    const RunOptions options = read_run_options((runs.front() / "config.toml").string());
    const Dataset images = open_validation_set(options.data, load_model(models.front().file).card.classes);
    std::vector<SeenModel> seen;
    for (const NamedModel& model : models) seen.push_back(seen_model(model, options, images));
    ModelComparison comparison = scored(std::move(seen), options.eval);
    comparison.baseline = models.front().is_teacher && models.size() > 1 ? 1 : 0;
    return comparison;
  } catch (const Error& error) {
    log_warning("the models are not compared: {}", error.what());
    return {};
  }
}

/// For a run that was stopped, or is older than these pictures.
void draw_missing_regions(const fs::path& run) {
  const std::vector<std::string> files = read_run_record(run).teachers;
  const std::vector<fs::path> teachers(files.begin(), files.end());
  if (teachers.empty() || !std::ranges::all_of(teachers, [](const fs::path& file) { return is_there(file); })) return;
  draw_regions(
      {.options = read_run_options((run / "config.toml").string()), .folder = run, .teachers = teachers, .init = {}});
}

}  // namespace

void add_report_command(CLI::App& app) {
  struct Arguments {
    std::vector<std::string> runs;
    std::string out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("report", "Write a page about one or several runs: scores, curves, errors, pictures, options");
  command->add_option("runs", arguments->runs, "run folders; the others are compared with the first")
      ->required()
      ->type_name("RUN");
  command->add_option("--out", arguments->out, "the page")->required()->type_name("FILE.html");
  command->footer("Example: skylift report runs/plain runs/distilled --out compare.html");
  command->callback([arguments] {
    check_page_name(arguments->out, "--out");
    const std::vector<fs::path> runs(arguments->runs.begin(), arguments->runs.end());
    for (const fs::path& run : runs) {
      if (!is_there(run / kRunRecordFile)) throw Error("{}: not a run: it has no {}", run.string(), kRunRecordFile);
    }
    for (const fs::path& run : runs) draw_missing_regions(run);
    write_run_page(arguments->out, runs, {}, compare_models(runs));
    log_info("written to {}", arguments->out);
  });
}

}  // namespace skylift
