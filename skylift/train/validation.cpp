#include "skylift/train/validation.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/ordered_pipeline.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/processes.h"
#include "skylift/infer/image_view.h"
#include "skylift/train/gather_detections.h"
#include "skylift/train/run_options.h"

namespace skylift {
namespace {

/// Place of each of `names` among `known`, -1 where it is not there.
std::vector<int> places_of(const std::vector<std::string>& names, const std::vector<std::string>& known) {
  std::vector<int> places;
  for (const std::string& name : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    places.push_back(found == known.end() ? -1 : static_cast<int>(found - known.begin()));
  }
  return places;
}

/// See the header; without detections.
void keep_classes(AnnotationSet& set, const std::vector<std::string>& model, const std::string& finder) {
  const std::vector<std::string> all = std::move(set.classes);
  const std::vector<int64_t> ids = std::move(set.class_ids);
  set.classes.clear();
  set.class_ids.clear();
  const std::vector<int> in_model = places_of(all, model);
  for (size_t i = 0; i < all.size(); ++i) {
    if (in_model[i] < 0) continue;
    set.classes.push_back(all[i]);
    set.class_ids.push_back(ids[i]);
  }
  if (set.classes.empty()) {
    throw Error("{0} and the data have no class in common: {0} finds {1}, the data names {2}", finder,
                fmt::join(model, ", "), fmt::join(all, ", "));
  }
  const std::vector<int> places = places_of(all, set.classes);
  for (auto& [id, index] : set.more_ids) {
    if (index >= 0) index = places[static_cast<size_t>(index)];
  }
  for (ImageRecord& image : set.images) {
    for (Object& object : image.objects) {
      if (object.class_index >= 0) object.class_index = places[static_cast<size_t>(object.class_index)];
    }
  }
}

void keep_known_classes(std::vector<Detection>& detections, const std::vector<int>& places) {
  for (Detection& detection : detections) {
    if (detection.class_index >= 0) detection.class_index = places[static_cast<size_t>(detection.class_index)];
  }
  std::erase_if(detections, [](const Detection& detection) { return detection.class_index < 0; });
}

int64_t image_count(const Dataset& dataset, const ValidationOptions& options) {
  return options.limit > 0 ? std::min(options.limit, dataset.size()) : dataset.size();
}

/// The annotations that are scored: of the images from `begin` to before `end`.
AnnotationSet scored_part(const Dataset& dataset, int64_t begin, int64_t end,
                          const std::vector<std::string>& model_classes) {
  AnnotationSet part = dataset.annotations();
  part.images.resize(static_cast<size_t>(end));
  part.images.erase(part.images.begin(), part.images.begin() + begin);
  keep_classes(part, model_classes, "the model");
  return part;
}

/// Images that are read and predicted together.
struct ImageGroup {
  int64_t begin = 0, end = 0;  ///< places in the data set
  std::vector<cv::Mat> images;
  DetectionSet found;
};

}  // namespace

DecodeOptions trained_decode(const ModelCard& card, const std::string& name) {
  try {
    if (!card.recipe.empty()) return parse_config_text(card.recipe).decode;
  } catch (const Error& error) {
    log_warning("{}: decoded by the defaults: its recipe is not understood: {}", name, error.what());
  }
  return {};
}

DetectedSet detect(const Predictor& predictor, const Dataset& dataset, const ValidationOptions& options,
                   const ProgressCallback& progress) {
  const int64_t all = image_count(dataset, options);
  const int64_t first = all * options.part / options.parts, count = all * (options.part + 1) / options.parts;
  DetectedSet detected{scored_part(dataset, first, count, predictor.classes()), {}};
  const std::vector<int> places = places_of(predictor.classes(), detected.truth.classes);
  DetectOptions how = predictor.detect_options();
  if (options.decode) how.decode = *options.decode;
  int64_t next = first;
  const PipelineStages<ImageGroup> stages = {.read =
                                                 [&](ImageGroup& group) {
                                                   if (stop_signal() != 0) return false;
                                                   group.begin = next;
                                                   group.end = next = std::min(next + options.batch_size, count);
                                                   return group.begin < group.end;
                                                 },
                                             .work =
                                                 [&](ImageGroup& group) {
                                                   std::vector<ImageView> views;
                                                   for (int64_t i = group.begin; i < group.end; ++i) {
                                                     group.images.push_back(dataset.get(i).rgb);
                                                     views.push_back(view_of(group.images.back()));
                                                   }
                                                   group.found = predictor.predict(views, how);
                                                 },
                                             .deliver =
                                                 [&](ImageGroup& group) {
                                                   for (size_t i = 0; i < group.images.size(); ++i) {
                                                     ImageRecord& image =
                                                         detected.truth.images[detected.detections.size()];
                                                     image.width = group.images[i].cols;
                                                     image.height = group.images[i].rows;
                                                     keep_known_classes(group.found[i], places);
                                                     detected.detections.push_back(std::move(group.found[i]));
                                                   }
                                                   if (progress)
                                                     progress({"evaluate", group.end - first, count - first, ""});
                                                 }};
  run_pipeline(std::max(options.threads, predictor.parallel_runs()) + 1, stages);
  if (!options.partial) throw_if_stopped();
  detected.truth.images.resize(detected.detections.size());  // fewer after a signal
  return detected;
}

void keep_classes(DetectedSet& set, const std::vector<std::string>& classes, const std::string& finder) {
  const std::vector<std::string> all = set.truth.classes;
  keep_classes(set.truth, classes, finder);
  const std::vector<int> places = places_of(all, set.truth.classes);
  for (std::vector<Detection>& image : set.detections) keep_known_classes(image, places);
}

EvalResult validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval,
                    const ValidationOptions& options, const ProgressCallback& progress) {
  ValidationOptions share = options;
  share.part = process_rank();
  share.parts = process_count();
  share.partial = true;  // all stop together, below
  DetectedSet detected = detect(predictor, dataset, share, progress);
  throw_if_any_stopped();
  if (share.parts > 1)
    detected = gathered(detected, scored_part(dataset, 0, image_count(dataset, options), predictor.classes()));
  if (!is_first_process()) {
    EvalResult elsewhere;
    elsewhere.images = image_count(dataset, options);
    return elsewhere;
  }
  return evaluate(detected.truth, detected.detections, eval);
}

std::string unscored_objects(const AnnotationSet& set, const std::vector<std::string>& classes) {
  const std::vector<int> places = places_of(set.classes, classes);
  std::vector<int64_t> counts(set.classes.size());
  for (const ImageRecord& image : set.images) {
    for (const Object& object : image.objects) {
      if (object.class_index >= 0) ++counts[static_cast<size_t>(object.class_index)];
    }
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (places[i] < 0 && counts[i] > 0) names.push_back(fmt::format("{} ({})", set.classes[i], counts[i]));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void log_sets(const Dataset& train_set, const Dataset& val_set) {
  log_info("training set: {}", summary(train_set.counts(), train_set.classes().size()));
  log_info("validation set: {}", summary(val_set.counts(), val_set.classes().size()));
  const std::string unscored = unscored_objects(val_set.annotations(), train_set.classes());
  if (!unscored.empty()) log_info("validation set: not trained, so not scored: {}", unscored);
}

}  // namespace skylift
