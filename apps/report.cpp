// skylift report: a page about one or several runs. Their models, and the teacher's, are run on the validation images
// to be compared; what cannot be run is said and left out.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "apps/commands.h"
#include "apps/latency.h"
#include "apps/progress_bar.h"
#include "apps/region_maps.h"
#include "apps/run_command.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
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
};

/// What --teacher was on the run's command line; empty: trained without one.
fs::path teacher_of(const RunRecord& record) {
  for (size_t i = 0; i + 1 < record.command.size(); ++i) {
    if (record.command[i] == "--teacher") return record.command[i + 1];
  }
  return {};
}

/// The teacher of the first run that has one, then each run's best model.
std::vector<NamedModel> models_of(const std::vector<fs::path>& runs) {
  std::vector<NamedModel> models;
  for (const fs::path& run : runs) {
    const fs::path folder = fs::weakly_canonical(run);
    const fs::path teacher = teacher_of(read_run_record(folder));
    const bool has_teacher = !models.empty() && models.front().name == "teacher";
    if (teacher.extension() == ".safetensors" && fs::exists(teacher) && !has_teacher)
      models.insert(models.begin(), {"teacher", teacher});
    if (fs::exists(folder / "best.safetensors")) {
      models.push_back({folder.filename().string(), folder / "best.safetensors"});
    } else {
      log_warning("{}: no model yet, so that the page shows its curves alone", run.string());
    }
  }
  return models;
}

ComparedModel compared_model(const NamedModel& named, const RunOptions& options, const Dataset& images,
                             ModelComparison& comparison) {
  ProgressBar bar;
  Model model = load_model(named.file);
  const PartCost cost =
      total_cost(part_costs(*model.detector, options.data.input.short_side, options.data.input.long_side));
  const Predictor predictor(std::move(model), options.decode, open_device(options.train.compute));
  DetectedSet detected = detect(predictor, images, {.batch_size = options.train.batch_size}, bar.callback());
  comparison.truth = std::move(detected.truth);
  return {
      .name = named.name,
      .detections = detected.detections,
      .result = evaluate(comparison.truth, detected.detections, options.eval),
      .by_size = evaluate(comparison.truth, detected.detections, {.protocol = "coco", .max_dets = {1, 10, 100, 500}}),
      .errors = break_down_errors(comparison.truth, detected.detections),
      .parameters = static_cast<double>(cost.parameters),
      .gmacs = static_cast<double>(cost.multiply_adds) / 1e9,
      .milliseconds = milliseconds_an_image(predictor, images),
      .engine = predictor.description()};
}

/// On the validation images of the first run.
ModelComparison compare_models(const std::vector<fs::path>& runs) {
  ModelComparison comparison;
  const std::vector<NamedModel> models = models_of(runs);
  if (models.empty()) return comparison;
  try {
    const RunOptions options = read_run_options((runs.front() / "config.toml").string());
    const Dataset images = open_validation_set(options.data, load_model(models.front().file).card.classes);
    for (const NamedModel& model : models) {
      log_info("{}: {}", model.name, model.file.string());
      comparison.models.push_back(compared_model(model, options, images, comparison));
    }
  } catch (const Error& error) {
    log_warning("the models are not compared: {}", error.what());
    return {};
  }
  comparison.baseline = models.front().name == "teacher" && models.size() > 1 ? 1 : 0;
  return comparison;
}

/// For a run that was stopped, or is older than these pictures.
void draw_missing_regions(const fs::path& run) {
  const fs::path teacher = teacher_of(read_run_record(run));
  if (teacher.empty() || !fs::exists(teacher)) return;
  draw_regions({.options = read_run_options((run / "config.toml").string()),
                .folder = run,
                .teachers = {teacher},
                .student = {},
                .init = {}});
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
      if (!fs::exists(run / kRunRecordFile)) throw Error("{}: not a run: it has no {}", run.string(), kRunRecordFile);
    }
    for (const fs::path& run : runs) draw_missing_regions(run);
    write_run_page(arguments->out, runs, {}, compare_models(runs));
    log_info("written to {}", arguments->out);
  });
}

}  // namespace skylift
