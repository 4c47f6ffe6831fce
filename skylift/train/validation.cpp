#include "skylift/train/validation.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/data/loader.h"

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

}  // namespace

DetectedSet detect(const Predictor& predictor, const Dataset& dataset, const ValidationOptions& options,
                   const ProgressCallback& progress) {
  const int64_t count = options.limit > 0 ? std::min(options.limit, dataset.size()) : dataset.size();
  const std::vector<int> places = match_classes(predictor.card().classes, dataset.annotations().classes);
  const Preprocess& preprocess = predictor.card().preprocess;
  Loader loader(count, evaluation_source(dataset, preprocess),
                {.batch_size = options.batch_size, .threads = options.threads}, preprocess);
  loader.start(0);
  DetectionSet detections;
  std::vector<cv::Size> sizes;
  while (auto batch = loader.next()) {
    for (auto& found : predictor.predict(*batch)) {
      keep_known_classes(found, places);
      detections.push_back(std::move(found));
    }
    for (const ImageGeometry& geometry : batch->geometries)
      sizes.emplace_back(geometry.original_width, geometry.original_height);
    if (progress) progress({"evaluate", static_cast<int64_t>(sizes.size()), count, ""});
  }
  return {scored_part(dataset, count, sizes), std::move(detections)};
}

EvalResult validate(const Predictor& predictor, const Dataset& dataset, const EvalOptions& eval,
                    const ValidationOptions& options, const ProgressCallback& progress) {
  const DetectedSet detected = detect(predictor, dataset, options, progress);
  return evaluate(detected.truth, detected.detections, eval);
}

}  // namespace skylift
