// What `skylift eval` needs to score detections, wherever they come from.
#pragma once

#include <string>
#include <vector>

#include "skylift/data/dataset.h"
#include "skylift/eval/evaluation.h"

namespace CLI {
class App;
}

namespace skylift {

struct ScoringArguments {
  std::string protocol;  ///< empty: by the format of the ground truth
  EvalOptions options;   ///< all but the protocol
  std::string json, html, curves;
  double score = 0.3;  ///< of what the page counts as detected
  bool errors = false;
};

/// --protocol, --max-dets, --class-average, --errors, --json, --html, --curves, --score.
void add_scoring_arguments(CLI::App& command, ScoringArguments& arguments);

/// All images of a set, those without objects too, under its own classes. Error: see open_data.
Dataset scored_set(const std::string& spec);

/// Error: --json or --curves names the file that the ground truth was read from.
void check_not_truth(const ScoringArguments& arguments, const AnnotationSet& truth);

/// Scores, prints and writes the files that were asked for. Sizes of images that the protocol needs and the annotations
/// do not hold are read from the images.
EvalResult score_and_print(AnnotationSet& truth, const DetectionSet& detections, const ScoringArguments& arguments);

struct EvalFilesArguments {
  std::string gt, dt;
};

/// --gt and --dt, each needs the other.
void add_eval_files_arguments(CLI::App& command, EvalFilesArguments& arguments);

/// Scores stored detections.
void eval_files(const EvalFilesArguments& files, const ScoringArguments& scoring);

}  // namespace skylift
