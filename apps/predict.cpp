// skylift predict: images, folders, videos and streams in; detections, pictures and videos out.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <opencv2/core/utility.hpp>

#include "apps/commands.h"
#include "apps/engine_arguments.h"
#include "apps/frame_source.h"
#include "apps/json_output.h"
#include "apps/predict_folder.h"
#include "apps/predict_inputs.h"
#include "apps/predict_output.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/ordered_pipeline.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/infer/engine.h"
#include "skylift/infer/image_view.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct PredictArguments {
  std::string model, out, format, json, ids_from;
  std::vector<std::string> inputs, map;
  EngineOptions engine;
  DetectOptions detect;
  ImageReading reading;
  bool draw = false;
};

/// Frames that go through the network together, and what was found in them.
struct Group {
  Clock::time_point begun;
  std::vector<Frame> frames;
  DetectionSet found;
  double seconds = 0;  ///< from before reading to detections
};

/// What --json reports.
struct Account {
  double model_seconds = 0, seconds = 0, network_seconds = 0, cpu_seconds = 0;
  std::vector<double> latencies;
  std::vector<std::string> problems;
  int64_t images = 0, detections = 0;
};

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  const auto place = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<size_t>(place)];
}

struct rusage own_usage() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

/// Of all threads; says more than the clock's time on a machine that has other work, too.
double cpu_seconds() {
  const struct rusage usage = own_usage();
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

class PredictRun {
 public:
  explicit PredictRun(const PredictArguments& arguments)
      : arguments_(arguments),
        inputs_(checked_inputs(arguments)),
        predictor_(timed_predictor()),
        detect_(decoded_as_trained(arguments.detect, predictor_.card(), arguments.model)),
        source_(inputs_),
        writer_({arguments.out, arguments.format, arguments.map, arguments.ids_from, detect_.decode.nms_iou},
                predictor_.classes(), inputs_),
        drawn_(fs::path(arguments.out) / "pictures", writer_.classes()) {
    // In throughput mode images are worked on side by side: threads inside one operation would only compete.
    if (arguments.engine.mode == "throughput") cv::setNumThreads(1);
  }

  Account run() {
    begin_predict_folder(arguments_.out, arguments_.format, arguments_.draw, inputs_);
    prepare();
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    const int threads = arguments_.engine.mode == "latency" ? 1 : predictor_.parallel_runs() + 1;
    run_pipeline<Group>(threads, {.read = [this](Group& group) { return read(group); },
                                  .work = [this](Group& group) { work(group); },
                                  .deliver = [this](Group& group) { deliver(group); }});
    drawn_.finish();
    writer_.finish();
    if (writer_.images() > 0) end_predict_folder(arguments_.out);
    account_.seconds = seconds_since(begin);
    account_.cpu_seconds = cpu_seconds() - cpu_before;
    account_.network_seconds = predictor_.network_seconds();
    account_.images = writer_.images();
    account_.detections = writer_.detections();
    return std::move(account_);
  }

  std::string engine() const { return predictor_.description(); }

 private:
  /// Before the model is loaded: nothing of a folder must be lost, and nobody wait to hear of it.
  static std::vector<PredictInput> checked_inputs(const PredictArguments& arguments) {
    check_not_same_file(arguments.json, arguments.model, "--json");
    auto inputs = find_inputs(arguments.inputs, arguments.reading);
    check_predict_folder(arguments.out, arguments.format, arguments.draw, inputs, arguments.json);
    return inputs;
  }

  Predictor timed_predictor() {
    const auto begin = Clock::now();
    Predictor predictor(arguments_.model, arguments_.engine, arguments_.detect);
    account_.model_seconds = seconds_since(begin);
    return predictor;
  }

  /// The first image's size stands for all; a single image is not computed twice. What is wrong is said in its turn.
  void prepare() {
    const auto begin = Clock::now();
    const cv::Size size = source_.first_size();
    const int64_t pixels = int64_t{size.width} * size.height;
    const bool only_one = inputs_.size() == 1 && !inputs_[0].video;
    try {
      if (pixels > 0 && pixels <= kMostPixels && !only_one) predictor_.prepare(size.width, size.height, detect_);
    } catch (const ImageTooLarge&) {
    }
    account_.model_seconds += seconds_since(begin);
  }

  bool read(Group& group) {
    if (stop_signal() != 0) return false;
    group.begun = Clock::now();
    const auto count = static_cast<size_t>(predictor_.batch());
    for (Frame frame; group.frames.size() < count && source_.next(frame); frame = {})
      group.frames.push_back(std::move(frame));
    return !group.frames.empty();
  }

  /// Together, or one by one where some frame is too large for the model: that is its problem alone.
  void detect(Group& group) const {
    std::vector<ImageView> views;
    for (Frame& frame : group.frames) {
      load_pixels(frame);
      if (!frame.pixels.empty()) views.push_back(view_of(frame.pixels, frame.bgr));
    }
    try {
      group.found = predictor_.predict(views, detect_);
      return;
    } catch (const ImageTooLarge&) {
    }
    for (Frame& frame : group.frames) {
      if (frame.pixels.empty()) continue;
      try {
        group.found.push_back(predictor_.predict(view_of(frame.pixels, frame.bgr), detect_));
      } catch (const ImageTooLarge& error) {
        frame.problem = fmt::format("{}: {}", without_password(frame.input->source), error.what());
        frame.pixels.release();
      }
    }
  }

  void work(Group& group) const {
    detect(group);
    for (auto& found : group.found) found = writer_.as_results(std::move(found));
    group.seconds = seconds_since(group.begun);
    if (!arguments_.draw) return;
    size_t next = 0;
    for (Frame& frame : group.frames) {
      if (!frame.pixels.empty()) drawn_.draw(frame, group.found[next++]);
    }
  }

  void deliver(Group& group) {
    size_t next = 0;
    const int64_t before = done_;
    for (const Frame& frame : group.frames) {
      // Frames of a video are of one size: what is wrong with all of them is said once.
      if (!frame.problem.empty() && (account_.problems.empty() || account_.problems.back() != frame.problem)) {
        log_warning("{}", frame.problem);
        account_.problems.push_back(frame.problem);
      }
      if (arguments_.draw) drawn_.add(frame);
      if (frame.pixels.empty()) continue;
      writer_.add(frame, std::move(group.found[next++]));
      account_.latencies.push_back(group.seconds);
      ++done_;
    }
    if (done_ > before) bar_.show({"predict", done_, source_.total() == 0 ? 0 : std::max(source_.total(), done_), ""});
  }

  const PredictArguments& arguments_;
  Account account_;
  const std::vector<PredictInput> inputs_;
  Predictor predictor_;
  DetectOptions detect_;
  FrameSource source_;
  PredictionWriter writer_;
  DrawnOutput drawn_;
  ProgressBar bar_;
  int64_t done_ = 0;
};

std::string to_json(const Account& account, const std::string& engine) {
  const auto ms = [&](double part) { return 1000 * percentile(account.latencies, part); };
  const nlohmann::ordered_json json = {{"engine", engine},
                                       {"images", account.images},
                                       {"detections", account.detections},
                                       {"seconds", account.seconds},
                                       {"model_seconds", account.model_seconds},
                                       {"network_seconds", account.network_seconds},
                                       {"cpu_seconds", account.cpu_seconds},
                                       {"latency_ms", {{"p50", ms(0.5)}, {"p90", ms(0.9)}, {"p99", ms(0.99)}}},
                                       {"peak_memory_mb", own_usage().ru_maxrss / 1024},
                                       {"problems", account.problems}};
  return dump_json(json, 1) + "\n";
}

void predict(const PredictArguments& arguments) {
  const StopSignals stop_signals;
  auto run = std::make_unique<PredictRun>(arguments);
  const std::string engine = run->engine();
  const Account account = run->run();
  run.reset();  // ends the progress bar's line
  log_info("{} detections in {} images, written to {} ({:.1f} images/s, {})", account.detections, account.images,
           arguments.out, static_cast<double>(account.images) / std::max(1e-9, account.seconds), engine);
  write_json(arguments.json, to_json(account, engine));
  throw_if_stopped();  // what was found until then is written
  if (account.problems.empty()) return;
  if (account.problems.size() == 1) throw Error("{}", account.problems.front());
  throw Error(
      "{} inputs could not be read or are too large for the model, the first: {} (the others' results are written)",
      account.problems.size(), account.problems.front());
}

}  // namespace

void add_predict_command(CLI::App& app) {
  auto arguments = std::make_shared<PredictArguments>();
  arguments->detect.decode.score_threshold = 0.3;
  CLI::App* command = app.add_subcommand("predict", "Detect objects in images, folders, videos and streams");
  command->add_option("--model", arguments->model, "a model file")->required()->type_name("MODEL");
  command
      ->add_option(
          "inputs", arguments->inputs,
          "images, folders and those below them, globs, videos, numbered sequences (f_%04d.jpg), streams (rtsp://..., "
          "/dev/video0)")
      ->required()
      ->type_name("INPUT");
  command->add_option("--out", arguments->out, "folder for detections and pictures")->required()->type_name("DIR");
  command->add_option("--score", arguments->detect.decode.score_threshold, "least confidence of a detection")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--format", arguments->format,
                   "of the detections: coco (detections.json), visdrone (detections/NAME.txt), yolo (labels/NAME.txt) "
                   "or csv (detections.csv), each with images.json beside it")
      ->check(CLI::IsMember(prediction_formats()))
      ->default_val("coco");
  command
      ->add_option("--ids-from", arguments->ids_from,
                   "ground truth whose image and category ids the coco results have, found by the names")
      ->type_name("SPEC");
  command
      ->add_option("--map", arguments->map,
                   "call a class of the model so in the results; several may become one; nothing after =: leave it out")
      ->type_name("FROM=TO")
      ->allow_extra_args(false);
  command->add_flag("--draw", arguments->draw, "write pictures and videos with the boxes drawn");
  command->add_option("--json", arguments->json, "speed, latency percentiles, memory, problems; - for stdout")
      ->type_name("FILE");
  add_reading_arguments(*command, arguments->reading);
  add_tiling_arguments(*command, arguments->detect.tiling);
  add_engine_arguments(*command, arguments->engine);
  command->footer(
      "Examples: skylift predict --model runs/student/best.safetensors DATA/val/images --out out --draw\n"
      "          skylift predict --model student.onnx flight.mp4 --out out --draw --format csv\n"
      "          skylift predict --model student.onnx large.jpg --out out --tile 640 --overlap 0.2");
  command->callback([arguments] { predict(*arguments); });
}

}  // namespace skylift
