#include "apps/eval_files.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/run_command.h"
#include "skylift/core/log.h"
#include "skylift/formats/data_spec.h"
#include "skylift/formats/image_size.h"

namespace skylift {
namespace {

/// The protocol that goes with a format: each benchmark's own on its own files.
std::string protocol_of(const AnnotationSet& truth) {
  return truth.format == "visdrone" || truth.format == "uavdt" ? truth.format : "coco";
}

bool needs_sizes(const AnnotationSet& truth) {
  return std::any_of(truth.images.begin(), truth.images.end(), [](const ImageRecord& image) {
    return !image.ignored_regions.empty() && (image.width == 0 || image.height == 0);
  });
}

}  // namespace

void add_scoring_arguments(CLI::App& command, ScoringArguments& arguments) {
  command
      .add_option("--protocol", arguments.protocol,
                  "coco, visdrone or uavdt (default: visdrone and uavdt for their own formats, else coco)")
      ->check(CLI::IsMember({"coco", "visdrone", "uavdt"}));
  command
      .add_option("--max-dets", arguments.options.max_dets,
                  "detections an image that count, AP at the largest (default: coco 1,10,100; visdrone 1,10,100,500)")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->type_name("N,...");
  command
      .add_option("--class-average", arguments.options.class_average,
                  "visdrone: classes weigh by the images that contain them, or all the same")
      ->check(CLI::IsMember({"image_weighted", "uniform"}))
      ->capture_default_str();
  command.add_option("--threads", arguments.options.threads, "0: one per core")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--json", arguments.json, "write the numbers here, - for stdout")->type_name("FILE");
}

EvalResult score_and_print(AnnotationSet& truth, const DetectionSet& detections, const ScoringArguments& arguments) {
  EvalOptions options = arguments.options;
  options.protocol = arguments.protocol.empty() ? protocol_of(truth) : arguments.protocol;
  if (options.protocol == "visdrone" && needs_sizes(truth)) fill_image_sizes(truth);
  EvalResult result = evaluate(truth, detections, options);
  for (const auto& note : result.notes) log_warning("{}", note);
  print_evaluation(result, arguments.json);
  return result;
}

void add_eval_files_arguments(CLI::App& command, EvalFilesArguments& arguments) {
  auto* gt = command
                 .add_option("--gt", arguments.gt,
                             "ground truth: a VisDrone folder, FILE.json, a VOC folder, a UAVDT root or a data.yaml")
                 ->type_name("SPEC");
  auto* dt =
      command.add_option("--dt", arguments.dt, "detections: COCO result JSON or a folder of VisDrone text files")
          ->type_name("FILE_OR_DIR");
  gt->needs(dt);
  dt->needs(gt);
}

void eval_files(const EvalFilesArguments& files, const ScoringArguments& scoring) {
  AnnotationSet truth = open_data(files.gt);
  const DetectionSet detections = read_detections(files.dt, truth);
  score_and_print(truth, detections, scoring);
}

}  // namespace skylift
