// Scores a model on a data set: the predictor's detections against the annotations, by the chosen protocol.
#pragma once

#include <optional>

#include "skylift/core/progress.h"
#include "skylift/data/dataset.h"
#include "skylift/eval/evaluation.h"
#include "skylift/infer/predictor.h"

namespace skylift {

struct ValidationOptions {
  int batch_size = 4;                        ///< images that are read and predicted together
  int threads = 2;                           ///< at least so many such groups are under way
  int64_t limit = 0;                         ///< the first so many images only; 0: all
  int part = 0, parts = 1;                   ///< of those the part-th of as many shares
  std::optional<DecodeOptions> decode = {};  ///< instead of the predictor's
  bool partial = false;  ///< a signal ends it with what was seen until then; else by StoppedBySignal
};

/// As the model was scored in its training, where its file says how; else the defaults. `name` is for a warning.
DecodeOptions trained_decode(const ModelCard& card, const std::string& name);

/// A model's detections beside what they are scored against.
struct DetectedSet {
  AnnotationSet truth;      ///< of the images that were predicted, with their sizes and the model's classes
  DetectionSet detections;  ///< parallel to truth.images, class indices of truth.classes
};

/// Predicts the images. Classes meet by name, and only those that both the model and
/// the data have are scored. Error: no class in common.
DetectedSet detect(const Predictor& predictor, const Dataset& dataset, const ValidationOptions& options,
                   const ProgressCallback& progress = {});

/// Leaves truth and detections (whose class indices are truth's) those of `classes` that truth has, in truth's order;
/// objects of the others are of none. Error: no class in common; `finder`, who finds these, is for the message.
void keep_classes(DetectedSet& set, const std::vector<std::string>& classes, const std::string& finder = "the model");

/// Predicts and evaluates. Several processes (skylift/dist/processes.h) predict a share each, and rank 0 alone scores:
/// elsewhere the result holds the number of images and nothing else. Stopped, in all: by a signal, as a score of some images would pass for that of all.
EvalResult validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval,
                    const ValidationOptions& options, const ProgressCallback& progress = {});

/// "van (12), bus (3)": the classes, beside `classes`, that have objects in the set. Empty: none.
std::string unscored_objects(const AnnotationSet& set, const std::vector<std::string>& classes);

/// Says how large the two sets are, and which of the validation set's objects are of classes that are not trained.
void log_sets(const Dataset& train_set, const Dataset& val_set);

}  // namespace skylift
