// skylift export: a model file in, a model for other runtimes out, checked against its source.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "apps/commands.h"
#include "apps/export_check.h"
#include "apps/model_readme.h"
#include "apps/quantize.h"
#include "apps/scoring.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/temporary_file.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/infer/decode.h"
#include "skylift/infer/onnx_runner.h"
#include "skylift/models/tensor_file.h"
#include "skylift/runs/run_record.h"
#include "skylift/synth/synth.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  std::string model, to, out, image, size = "free", precision = "fp32";
  std::string calibrate, evaluate;  ///< SPEC
  int calibration_images = 64;
  int batch = 0;
  bool decoded = false;
  std::optional<double> score;  ///< these two of decoded boxes; else as in the model's training
  std::optional<int> max_detections;
};

OnnxNms nms_of(const ExportArguments& arguments, const ModelCard& card) {
  const DecodeOptions decode = trained_decode(card, arguments.model);
  return {.score_threshold = arguments.score.value_or(decode.score_threshold),
          .candidates = decode.candidates,
          .nms_iou = decode.nms_iou,
          .max_detections = arguments.max_detections.value_or(decode.max_detections)};
}

/// But for the boxes of --decoded, in which the model has a say.
OnnxOptions onnx_options(const ExportArguments& arguments) {
  OnnxOptions options;
  options.batch = arguments.batch;
  options.half = arguments.precision == "fp16";
  if (arguments.size != "free") {
    const WidthHeight size = parse_width_height(arguments.size, "--size", 32, 32768);
    options.width = size.width;
    options.height = size.height;
  }
  return options;
}

/// "checked on street.jpg ...", or why not.
std::string verification(const std::string& onnx, const Model& model, const OnnxOptions& options,
                         const std::string& file) {
  const cv::Mat rgb = file.empty() ? draw_scene({.width = 960, .height = 540, .seed = 5}, 0).rgb : decode_rgb(file);
  if (!can_run_onnx()) {
    log_warning("{}: NOT checked: this build has no OpenVINO to run it (hint: scripts/setup.sh adds it, then rebuild)",
                file.empty() ? "export" : file);
    return "not checked";
  }
  const std::string result = check_export(onnx, model, options, export_input(rgb, model.card.preprocess, options));
  return fmt::format("checked in OpenVINO on {}, {}", file.empty() ? "a synthetic scene" : file, result);
}

/// Images spread over the set, as the network sees them, for what quantises: FILE.calibration/NNNN.safetensors.
void write_calibration(const ExportArguments& arguments, const AnnotationSet& set, const Model& model,
                       const OnnxOptions& options, const fs::path& file) {
  const size_t count = std::min<size_t>(set.images.size(), static_cast<size_t>(arguments.calibration_images));
  if (count == 0) throw Error("--calibrate {}: no image in it, expected at least one", arguments.calibrate);
  const auto path = [&](size_t i) {
    return fs::path(file.string() + ".calibration") / fmt::format("{:04}.safetensors", i);
  };
  for (size_t i = 0; i < count; ++i) {
    const cv::Mat rgb = decode_rgb(set.image_path(set.images[i * set.images.size() / count]), set.reading);
    const ExportInput input = export_input(rgb, model.card.preprocess, options);
    write_tensors(path(i), {{"images", input.images}, {"content_size", content_size(input)}});
  }
  for (size_t i = count; is_there(path(i)); ++i) fs::remove(path(i));  // of an earlier call with more images
}

std::string free_or(int value) { return value == 0 ? "free" : std::to_string(value); }

/// A folder that is gone with it. Beside the target: the inputs of some images may be more than /tmp holds.
struct WorkFolder {
  fs::path path;
  explicit WorkFolder(const fs::path& target) : path(temporary_path(target)) { make_folder(path); }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
};

void check_int8(const ExportArguments& arguments) {
  const bool int8 = arguments.precision == "int8";
  if (int8 && arguments.calibrate.empty())
    throw Error(
        "--precision int8: expected --calibrate SPEC: images by which the ranges of activations are set (hint: "
        "training images, not those that it is scored on)");
  if (!arguments.evaluate.empty() && (!int8 || arguments.decoded))
    throw Error("--evaluate: compares a raw int8 file with its float one, expected --precision int8 without --decoded");
  if (!arguments.evaluate.empty() && !can_run_onnx())
    throw Error("--evaluate: this build has no OpenVINO to run the file (hint: scripts/setup.sh adds it)");
}

/// What is read beside the model, before the work of minutes begins.
struct ExportSets {
  AnnotationSet calibration;
  std::optional<Dataset> evaluation;
};

ExportSets open_sets(const ExportArguments& arguments) {
  ExportSets sets;
  if (!arguments.calibrate.empty()) sets.calibration = open_data(arguments.calibrate);
  if (!arguments.evaluate.empty()) sets.evaluation.emplace(scored_set(arguments.evaluate));
  return sets;
}

/// `onnx` quantised, in arguments.out.
void write_int8(const ExportArguments& arguments, const std::string& onnx, const ExportSets& sets, const Model& model,
                const OnnxOptions& options) {
  const StopSignals signals;  // the folder is removed in any case
  const WorkFolder folder(arguments.out);
  const fs::path source = folder.path / "float.onnx", made = folder.path / "int8.onnx";
  write_file(source, onnx);
  write_calibration(arguments, sets.calibration, model, options, source);
  quantise(source, made);
  write_file(arguments.out, read_file(made));
  if (sets.evaluation) print_accuracy_lost(source, arguments.out, *sets.evaluation);
}

void write_card(const fs::path& out, const Model& model, const fs::path& source, const ExportedFile& file) {
  const fs::path path = write_model_readme(out.parent_path(), model.card, source, file);
  if (!path.empty()) return log_info("model card: {}", path.string());
  log_warning(
      "{}: without a model card: README.md beside it and {}.README.md were changed, or are others' (hint: move one "
      "away)",
      out.string(), out.filename().string());
}

void export_model(const ExportArguments& arguments) {
  check_int8(arguments);
  check_not_same_file(arguments.out, arguments.image, "--out");
  OnnxOptions options = onnx_options(arguments);
  const Model model = load_for_onnx(arguments.model, arguments.out, options);
  if (arguments.decoded) options.nms = nms_of(arguments, model.card);
  const ExportSets sets = open_sets(arguments);
  const std::string onnx = onnx_model(model, options);
  const bool int8 = arguments.precision == "int8";
  std::string verified = verification(onnx, model, options, arguments.image);
  if (int8) {
    verified = "before quantisation " + verified;
    write_int8(arguments, onnx, sets, model, options);
  } else {
    write_file(arguments.out, onnx);
  }
  const std::string form =
      fmt::format("{} outputs, {}, {:.1f} MB, batch {}, size {}", options.nms ? "decoded" : "raw", arguments.precision,
                  static_cast<double>(fs::file_size(arguments.out)) / 1e6, free_or(options.batch), arguments.size);
  fmt::print("{}: {}\n{}\n", arguments.out, form, verified);
  const fs::path out = arguments.out;
  const ExportedFile file{
      .name = out.filename().string(), .form = form, .verified = verified, .checksum = file_checksum(out)};
  write_card(out, model, arguments.model, file);
  if (int8 || arguments.calibrate.empty()) return;
  write_calibration(arguments, sets.calibration, model, options, arguments.out);
  log_info("calibration images in {}.calibration", arguments.out);
}

void add_form_arguments(CLI::App& command, ExportArguments& arguments) {
  command.add_option("--batch", arguments.batch, "images that go through together; 0: any number")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_option("--size", arguments.size, "WIDTHxHEIGHT of the network's input, or free: any multiples of 32")
      ->capture_default_str();
  command.add_option("--precision", arguments.precision, "of weights and arithmetic; int8: by NNCF, with --calibrate")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  CLI::Option* decoded = command.add_flag("--decoded", arguments.decoded, "boxes with NMS in the graph, not raw maps");
  command
      .add_option("--score", arguments.score, "least confidence of a decoded box (default: as in the model's training)")
      ->check(CLI::Range(0.0, 1.0))
      ->needs(decoded);
  command
      .add_option("--max-detections", arguments.max_detections,
                  "decoded boxes an image (default: as in the model's training)")
      ->check(CLI::Range(1, 100000))
      ->needs(decoded);
}

}  // namespace

void add_export_command(CLI::App& app) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand("export", "Write a model for other runtimes, checked against its source");
  command->add_option("--model", arguments->model, "a model file")->required()->type_name("MODEL");
  command->add_option("--to", arguments->to, "format")->check(CLI::IsMember({"onnx"}))->default_val("onnx");
  command->add_option("--out", arguments->out, "file to write")->required()->type_name("FILE");
  add_form_arguments(*command, *arguments);
  command->add_option("--image", arguments->image, "to check with (default: a synthetic scene)")->type_name("FILE");
  command
      ->add_option("--calibrate", arguments->calibrate,
                   "images that set int8's ranges; with another precision their network inputs are written to "
                   "FILE.calibration/, for other tools")
      ->type_name("SPEC");
  command->add_option("--calibration-images", arguments->calibration_images, "spread over the set")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--evaluate", arguments->evaluate, "score the int8 file and its float one on this set")
      ->type_name("SPEC");
  command->footer(
      "Examples: skylift export --model runs/student/best.safetensors --to onnx --out student.onnx\n"
      "          skylift export --model student.safetensors --out boxes.onnx --decoded --size 1344x800 --batch 1\n"
      "          skylift export --model student.safetensors --out student.int8.onnx --precision int8 --calibrate "
      "DIR/train "
      "--evaluate DIR/val");
  command->callback([arguments] { export_model(*arguments); });
}

}  // namespace skylift
