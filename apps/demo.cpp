// skylift demo: the whole job on synthetic scenes. A teacher, and three students of one seed and schedule: plain, under
// BCKD alone, and with CID and Light-ML. It reports what it measured, whatever it is.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/drawing.h"
#include "apps/latency.h"
#include "apps/progress_bar.h"
#include "apps/region_maps.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/image/codec.h"
#include "skylift/image/draw.h"
#include "skylift/kd/pkd.h"
#include "skylift/report/run_page.h"
#include "skylift/study/score.h"
#include "skylift/synth/synth.h"
#include "skylift/train/trainer.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

constexpr int kTrainScenes = 160, kValScenes = 48, kPictures = 4;
constexpr int kSceneWidth = 320, kSceneHeight = 256;
constexpr double kPictureZoom = 2.5, kShownScore = 0.3;
constexpr const char* kMarker = "made-by-skylift-demo";

/// What the three runs share.
RunOptions common_options(const fs::path& folder, int seed) {
  RunOptions options;
  options.data.train = (folder / "scenes/train/annotations.json").string();
  options.data.val = (folder / "scenes/val/annotations.json").string();
  options.data.input.long_side = kSceneWidth;
  options.data.input.short_side = kSceneHeight;
  options.data.augment.scale_min = 0.8;
  options.data.augment.scale_max = 1.25;
  options.model.neck.first_level = 2;  // the objects are small: stride 4
  options.model.neck.last_level = 5;
  options.train.seed = seed;
  options.train.batch_size = 4;  // many small steps: the schedule is short
  options.train.optimizer = {.name = "adamw", .lr = 0.008, .weight_decay = 0.02};
  options.train.schedule = {.name = "cosine", .warmup_steps = 60, .warmup_factor = 0.01};
  options.train.ema.decay = 0.995;
  options.eval.protocol = "coco";
  options.eval.max_dets = {1, 10, 100, 500};
  return options;
}

RunOptions teacher_options(const fs::path& folder, int seed) {
  RunOptions options = common_options(folder, seed);
  options.model.backbone.width = 0.5;
  options.model.neck.channels = 64;
  options.model.head.channels = 64;
  options.model.head.depth = 2;
  options.train.epochs = 24;
  options.train.eval_every = 12;
  return options;
}

/// Half the teacher's batches, twice the steps: all three students gain by them, the distilled ones most.
RunOptions student_options(const fs::path& folder, int seed) {
  RunOptions options = common_options(folder, seed);
  options.train.batch_size = 2;
  options.train.optimizer.lr = 0.016;
  options.train.schedule.warmup_steps = 120;
  options.train.ema.decay = 0.9975;
  options.model.backbone.width = 0.25;
  options.model.neck.channels = 24;
  options.model.head.channels = 24;
  options.model.head.depth = 1;
  options.train.epochs = 12;
  options.train.eval_every = 6;
  return options;
}

/// The base of what docs/results.md found best.
RunOptions method_options(const fs::path& folder, int seed) {
  RunOptions options = student_options(folder, seed);
  options.kd.methods = {"bckd"};
  options.kd.inherit = true;
  return options;
}

/// What the logits say everywhere, features where CID says an instance is, and Light-ML between the branches.
RunOptions distilled_options(const fs::path& folder, int seed) {
  RunOptions options = method_options(folder, seed);
  options.kd.methods = {"bckd", "pkd"};
  options.kd.own_region("pkd") = "cid";
  options.kd.of<PkdOptions>().statistics = "region";
  options.kd.of<PkdOptions>().weight = 2;
  options.kd.regions.cid.area_power = 0.5;
  options.kd.regions.cid.floor = 0.3;
  options.model.head.lifting.enabled = true;
  return options;
}

double gmacs(const PartCost& cost) { return static_cast<double>(cost.multiply_adds) / 1e9; }

/// One of the four, trained and scored.
struct Contestant {
  std::string name;
  TrainSummary training;
  FinishedModel model;
  EvalResult result;
};

Contestant train_and_score(const std::string& name, const RunOptions& options, const fs::path& folder,
                           const std::optional<fs::path>& teacher) {
  log_info("--- {}", name);
  ProgressBar bar;
  Contestant contestant{.name = name, .training = {}, .model = {}, .result = {}};
  const TrainRequest request{.options = options,
                             .folder = folder / name,
                             .teachers = teacher ? std::vector{*teacher} : std::vector<fs::path>{}};
  contestant.training = train_detector(request, bar.callback());
  draw_regions(request);
  contestant.model = detect_finished(folder / name / "last.safetensors", options, bar.callback());
  const DetectedSet& detected = contestant.model.detected;
  contestant.result = evaluate(detected.truth, detected.detections, options.eval);
  return contestant;
}

/// Empties the folder of an earlier demo; anybody else's folder is left alone.
void prepare_folder(const fs::path& folder) {
  if (is_there(folder) && !fs::is_empty(folder) && !is_there(folder / kMarker)) {
    throw Error("{}: not empty, and not an earlier demo's folder (hint: name a new one with --out)", folder.string());
  }
  fs::remove_all(folder);
  write_file(folder / kMarker,
             "Everything in this folder was written by `skylift demo`, and the next one removes it.\n");
}

void write_demo_scenes(const fs::path& folder, int seed) {
  SynthOptions scenes{
      .width = kSceneWidth, .height = kSceneHeight, .seed = static_cast<uint64_t>(seed), .car_px_min = 22};
  write_scenes(scenes, kTrainScenes, folder / "scenes/train", "coco");
  write_scenes(scenes, kValScenes, folder / "scenes/val", "coco", kTrainScenes);
}

std::string table_text(const std::vector<Contestant>& contestants) {
  std::string text =
      "| model | parameters | GMACs | AP | AP50 | AP75 | AP small | ms a step |\n|---|---|---|---|---|---|---|---|\n";
  for (const Contestant& c : contestants) {
    const EvalMeans& m = c.result.means;
    text += fmt::format("| {} | {:.2f} M | {:.2f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.0f} |\n", c.name,
                        static_cast<double>(c.model.cost.parameters) / 1e6, gmacs(c.model.cost), 100 * m.ap,
                        100 * m.ap50, 100 * m.ap75, 100 * m.ap_small, 1000 * c.training.seconds_per_step);
  }
  return text;
}

std::string json_text(const std::vector<Contestant>& contestants, double seconds) {
  nlohmann::ordered_json json = {{"seconds", seconds}, {"models", nlohmann::ordered_json::array()}};
  for (const Contestant& c : contestants) {
    json["models"].push_back({{"name", c.name},
                              {"parameters", c.model.cost.parameters},
                              {"gmacs", gmacs(c.model.cost)},
                              {"seconds_per_step", c.training.seconds_per_step},
                              {"steps", c.training.steps},
                              {"evaluation", nlohmann::ordered_json::parse(to_json(c.result))}});
  }
  return dump_json(json, 2) + "\n";
}

/// Ground truth and the three models' detections side by side, for the first validation scenes.
std::vector<fs::path> write_pictures(const std::vector<Contestant>& contestants, const fs::path& folder) {
  const AnnotationSet& truth = contestants.front().model.detected.truth;
  std::vector<fs::path> written;
  for (size_t i = 0; i < kPictures; ++i) {
    const ImageRecord& image = truth.images[i];
    const cv::Mat rgb = decode_rgb(truth.image_path(image), truth.reading);
    std::vector<Picture> pictures = {{with_annotations(rgb, image, truth.classes, kPictureZoom), "ground truth"}};
    for (const Contestant& c : contestants) {
      pictures.push_back(
          {with_detections(rgb, c.model.detected.detections[i], truth.classes, kShownScore, kPictureZoom), c.name});
    }
    written.push_back(folder / "pictures" / (fs::path(image.file).stem().string() + ".png"));
    write_image(written.back(), tile_pictures(pictures, 2));
  }
  return written;
}

/// What the last contestant won over the second, the plain student: in AP by size, and in objects found.
std::string gain_text(const std::vector<Contestant>& contestants) {
  const Contestant &plain = contestants[1], &distilled = contestants.back();
  const EvalMeans &before = plain.result.means, &after = distilled.result.means;
  const AnnotationSet& truth = plain.model.detected.truth;
  int gained = 0, lost = 0;
  for (size_t i = 0; i < truth.images.size(); ++i) {
    const auto found = [&](const Contestant& c) {
      return found_objects(truth.images[i], c.model.detected.detections[i], kShownScore);
    };
    const std::vector<bool> old_found = found(plain), new_found = found(distilled);
    for (size_t o = 0; o < old_found.size(); ++o) {
      gained += new_found[o] && !old_found[o];
      lost += old_found[o] && !new_found[o];
    }
  }
  return fmt::format(
      "{} over {}: AP {:+.1f}, AP50 {:+.1f}, small {:+.1f}, medium {:+.1f}; at score {} it finds {} objects that the "
      "other misses, and misses {} that the other finds.\n",
      distilled.name, plain.name, 100 * (after.ap - before.ap), 100 * (after.ap50 - before.ap50),
      100 * (after.ap_small - before.ap_small), 100 * (after.ap_medium - before.ap_medium), kShownScore, gained, lost);
}

/// For the page: the models beside each other, gains and losses marked against the plain student.
ModelComparison comparison_of(const std::vector<Contestant>& contestants, const fs::path& folder,
                              const RunOptions& options) {
  ModelComparison comparison{.truth = contestants.front().model.detected.truth, .models = {}, .baseline = 1};
  comparison.score = kShownScore;
  const Dataset images = open_validation_set(options.data, comparison.truth.classes);
  for (const Contestant& c : contestants) {
    const DetectionSet& detections = c.model.detected.detections;
    const Predictor predictor(load_model(folder / c.name / "last.safetensors"), options.decode,
                              open_device(options.train.compute));
    comparison.models.push_back({.name = c.name,
                                 .detections = detections,
                                 .result = c.result,
                                 .by_size = c.result,
                                 .errors = break_down_errors(comparison.truth, detections),
                                 .parameters = static_cast<double>(c.model.cost.parameters),
                                 .gmacs = gmacs(c.model.cost),
                                 .milliseconds = milliseconds_an_image(predictor, images),
                                 .engine = predictor.description()});
  }
  return comparison;
}

void demo(const fs::path& folder, int seed) {
  const auto begun = std::chrono::steady_clock::now();
  prepare_folder(folder);
  log_info("drawing {} scenes", kTrainScenes + kValScenes);
  write_demo_scenes(folder, seed);
  std::vector<Contestant> contestants;
  const auto add = [&](const std::string& name, const RunOptions& options, const std::optional<fs::path>& teacher) {
    contestants.push_back(train_and_score(name, options, folder, teacher));
  };
  const fs::path teacher = folder / "teacher/last.safetensors";
  add("teacher", teacher_options(folder, seed), std::nullopt);
  add("plain", student_options(folder, seed), std::nullopt);
  add("bckd", method_options(folder, seed), teacher);
  add("distilled", distilled_options(folder, seed), teacher);

  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const std::string text =
      table_text(contestants) + "\n" + gain_text(contestants) +
      fmt::format(
          "COCO protocol, up to 500 detections an image, {} validation scenes, one seed: a small "
          "data set and a short schedule, so that differences of a point are noise.\n"
          "bckd: BCKD alone; distilled: BCKD, PKD where CID says an instance is, and Light-ML (both "
          "reconstructions from the paper's abstract). {:.1f} minutes in all.\n",
          kValScenes, seconds / 60);
  write_file(folder / "results.md", text);
  write_file(folder / "results.json", json_text(contestants, seconds));
  std::vector<fs::path> runs;
  for (const Contestant& c : contestants) runs.push_back(folder / c.name);
  write_run_page(folder / "report.html", runs, write_pictures(contestants, folder),
                 comparison_of(contestants, folder, student_options(folder, seed)));
  fmt::print("\n{}\nPictures, numbers, models and report.html are in {}\n", text, folder.string());
}

}  // namespace

void add_demo_command(CLI::App& app) {
  struct Arguments {
    std::string out = "demo";
    int seed = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "demo", "The whole job on synthetic aerial scenes: a teacher, and students with and without it");
  command->add_option("--out", arguments->out, "folder for scenes, models, pictures and numbers")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of scenes and weights")->capture_default_str();
  command->callback([arguments] { demo(arguments->out, arguments->seed); });
}

}  // namespace skylift
