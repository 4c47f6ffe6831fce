#include "apps/scoring.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/json_output.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/eval/error_breakdown.h"
#include "skylift/report/eval_page.h"

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

void add_output_arguments(CLI::App& command, ScoringArguments& arguments) {
  command.add_flag("--errors", arguments.errors,
                   "why AP is lost: classification, localisation, both, duplicate, background, missed");
  command.add_option("--json", arguments.json, "write the numbers here, - for stdout")->type_name("FILE");
  command.add_option("--html", arguments.html, "write a page with curves, errors and the worst images")
      ->type_name("FILE");
  command.add_option("--curves", arguments.curves, "write precision over recall as CSV")->type_name("FILE");
  command.add_option("--score", arguments.score, "least confidence in the page's confusions and pictures")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

void print_scores(const EvalResult& result, const ErrorBreakdown* errors, const std::string& json_file) {
  std::string json = to_json(result) + "\n";
  if (errors) {
    auto both = nlohmann::ordered_json::parse(json);
    both["errors"] = nlohmann::ordered_json::parse(to_json(*errors));
    json = dump_json(both, 2) + "\n";
  }
  if (json_file != "-") {
    fmt::print("{}", to_text(result));
    if (errors) fmt::print("\n{}", to_text(*errors));
  }
  write_json(json_file, json);
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
      ->check(CLI::Range(1, 1000000))
      ->type_name("N,...");
  command
      .add_option("--class-average", arguments.options.class_average,
                  "visdrone: classes weigh by the images that contain them, or all the same")
      ->check(CLI::IsMember({"image_weighted", "uniform"}))
      ->capture_default_str();
  add_output_arguments(command, arguments);
}

Dataset scored_set(const std::string& spec) {
  AnnotationSet annotations = open_data(spec);
  const DatasetOptions options{.classes = annotations.classes, .keep_empty = true};
  return {std::move(annotations), options};
}

void check_not_truth(const ScoringArguments& arguments, const AnnotationSet& truth) {
  check_not_same_file(arguments.json, truth.source, "--json");
  check_not_same_file(arguments.curves, truth.source, "--curves");
}

EvalResult score_and_print(AnnotationSet& truth, const DetectionSet& detections, const ScoringArguments& arguments) {
  EvalOptions options = arguments.options;
  options.protocol = arguments.protocol.empty() ? protocol_of(truth) : arguments.protocol;
  if (options.protocol == "visdrone" && needs_sizes(truth)) fill_image_sizes(truth);
  const EvalResult result = evaluate(truth, detections, options);
  for (const auto& note : result.notes) log_warning("{}", note);
  ErrorBreakdown errors;
  const bool with_errors = arguments.errors || !arguments.html.empty();
  if (with_errors) errors = break_down_errors(truth, detections, {.threads = options.threads});
  print_scores(result, arguments.errors ? &errors : nullptr, arguments.json);
  if (!arguments.curves.empty()) write_file(arguments.curves, curves_to_csv(result));
  if (!arguments.html.empty()) {
    write_eval_page(arguments.html, truth, detections, result, errors, {.score = arguments.score});
    log_info("page: {}", arguments.html);
  }
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
  check_not_truth(scoring, truth);
  const DetectionSet detections = read_detections(files.dt, truth);
  score_and_print(truth, detections, scoring);
}

}  // namespace skylift
