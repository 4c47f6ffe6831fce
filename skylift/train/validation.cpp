#include "skylift/train/validation.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/ordered_pipeline.h"
#include "skylift/core/stop_signal.h"
#include "skylift/infer/image_view.h"

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

/// Leaves a set the classes that the model has, in the set's order; objects of the others are of none.
void keep_classes(AnnotationSet& set, const std::vector<std::string>& model) {
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
    throw Error("the model and the data have no class in common: the model finds {}, the data names {}",
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
  for (Detection& detection : detections) detection.class_index = places[static_cast<size_t>(detection.class_index)];
  std::erase_if(detections, [](const Detection& detection) { return detection.class_index < 0; });
}

/// The annotations that are scored.
AnnotationSet scored_part(const Dataset& dataset, int64_t count, const std::vector<std::string>& model_classes) {
  AnnotationSet part = dataset.annotations();
  part.images.resize(static_cast<size_t>(count));
  keep_classes(part, model_classes);
  return part;
}

/// Images that are read and predicted together.
struct ImageGroup {
  int64_t begin = 0, end = 0;  ///< places in the data set
  std::vector<cv::Mat> images;
  DetectionSet found;
};

}  // namespace

DetectedSet detect(const Predictor& predictor, const Dataset& dataset, const ValidationOptions& options,
                   const ProgressCallback& progress) {
  const int64_t count = options.limit > 0 ? std::min(options.limit, dataset.size()) : dataset.size();
  DetectedSet detected{scored_part(dataset, count, predictor.classes()), {}};
  const std::vector<int> places = places_of(predictor.classes(), detected.truth.classes);
  int64_t next = 0;
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
                                                   group.found = predictor.predict(views);
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
                                                   if (progress) progress({"evaluate", group.end, count, ""});
                                                 }};
  run_pipeline(std::max(options.threads, predictor.parallel_runs()) + 1, stages);
  detected.truth.images.resize(detected.detections.size());  // fewer after a signal
  return detected;
}

EvalResult validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval,
                    const ValidationOptions& options, const ProgressCallback& progress) {
  const DetectedSet detected = detect(predictor, dataset, options, progress);
  throw_if_stopped();
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

}  // namespace skylift
