#include <algorithm>

#include "skylift/eval/error_matching.h"
#include "skylift/eval/evaluation.h"
#include "skylift/eval/matching.h"

namespace skylift {

Confusion count_confusions(const AnnotationSet& truth, const DetectionSet& detections, double score,
                           const ErrorOptions& options) {
  check_detections(truth, detections);
  Confusion confusion;
  confusion.names = truth.classes;
  confusion.names.push_back("background");
  const size_t size = confusion.names.size(), background = size - 1;
  confusion.counts.assign(size * size, 0);
  for (size_t i = 0; i < truth.images.size(); ++i) {
    const auto& image = truth.images[i];
    std::vector<int> free = counted_objects(image);
    for (const int d : by_score(detections[i], score)) {
      const auto& detection = detections[i][static_cast<size_t>(d)];
      auto best = free.end();
      double highest = options.match_iou;
      for (auto g = free.begin(); g != free.end(); ++g) {
        const double value = overlap(detection.box, image.objects[static_cast<size_t>(*g)].box, false);
        if (value >= highest && (best == free.end() || value > highest)) best = g, highest = value;
      }
      if (best == free.end() && is_excused(image, detection, options.match_iou, true)) continue;
      const size_t row =
          best == free.end() ? background : static_cast<size_t>(image.objects[static_cast<size_t>(*best)].class_index);
      ++confusion.counts[row * size + static_cast<size_t>(detection.class_index)];
      if (best != free.end()) free.erase(best);
    }
    for (const int g : free)
      ++confusion.counts[static_cast<size_t>(image.objects[static_cast<size_t>(g)].class_index) * size + background];
  }
  return confusion;
}

}  // namespace skylift
