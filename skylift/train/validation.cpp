#include "skylift/train/validation.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/ordered_pipeline.h"
#include "skylift/core/stop_signal.h"
#include "skylift/infer/image_view.h"

namespace skylift {
namespace {

/// Place of each of the model's classes among the data's, -1 where the data has no such class.
std::vector<int> match_classes(const std::vector<std::string>& model, const std::vector<std::string>& data) {
  std::vector<int> places;
  for (const std::string& name : model) {
    const auto found = std::find(data.begin(), data.end(), name);
    places.push_back(found == data.end() ? -1 : static_cast<int>(found - data.begin()));
  }
  if (std::all_of(places.begin(), places.end(), [](int place) { return place < 0; })) {
    throw Error("the model and the data have no class in common: the model finds {}, the data names {}",
                fmt::join(model, ", "), fmt::join(data, ", "));
  }
  return places;
}

void keep_known_classes(std::vector<Detection>& detections, const std::vector<int>& places) {
  for (Detection& detection : detections) detection.class_index = places[static_cast<size_t>(detection.class_index)];
  std::erase_if(detections, [](const Detection& detection) { return detection.class_index < 0; });
}

/// The annotations that are scored, with the sizes of the images as they were read.
AnnotationSet scored_part(const Dataset& dataset, int64_t count, const std::vector<cv::Size>& sizes) {
  AnnotationSet part = dataset.annotations();
  part.images.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < part.images.size(); ++i) {
    part.images[i].width = sizes[i].width;
    part.images[i].height = sizes[i].height;
  }
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
  const std::vector<int> places = match_classes(predictor.classes(), dataset.annotations().classes);
  DetectionSet detections;
  std::vector<cv::Size> sizes;
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
                                                     keep_known_classes(group.found[i], places);
                                                     detections.push_back(std::move(group.found[i]));
                                                     sizes.push_back(group.images[i].size());
                                                   }
                                                   if (progress) progress({"evaluate", group.end, count, ""});
                                                 }};
  run_pipeline(std::max(options.threads, predictor.parallel_runs()) + 1, stages);
  return {scored_part(dataset, static_cast<int64_t>(sizes.size()), sizes), std::move(detections)};
}

EvalResult validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval,
                    const ValidationOptions& options, const ProgressCallback& progress) {
  const DetectedSet detected = detect(predictor, dataset, options, progress);
  throw_if_stopped();
  return evaluate(detected.truth, detected.detections, eval);
}

}  // namespace skylift
