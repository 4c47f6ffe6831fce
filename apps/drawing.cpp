#include "apps/drawing.h"

#include <fmt/core.h>

#include "skylift/image/draw.h"

namespace skylift {
namespace {

cv::Rect2f rect(const BoxXywh& box) {
  return {static_cast<float>(box.x), static_cast<float>(box.y), static_cast<float>(box.w), static_cast<float>(box.h)};
}

}  // namespace

cv::Mat with_detections(const cv::Mat& rgb, const std::vector<Detection>& detections, const std::vector<std::string>& classes,
                        double min_score) {
  cv::Mat picture = rgb.clone();
  std::vector<DrawnBox> boxes;
  for (const Detection& detection : detections) {
    if (detection.score < min_score) continue;
    const std::string& name = classes[static_cast<size_t>(detection.class_index)];
    boxes.push_back({rect(detection.box), detection.class_index, fmt::format("{} {:.2f}", name, detection.score)});
  }
  draw_boxes(picture, boxes);
  return picture;
}

cv::Mat with_annotations(const cv::Mat& rgb, const ImageRecord& image, const std::vector<std::string>& classes) {
  cv::Mat picture = rgb.clone();
  std::vector<cv::Rect2f> regions;
  for (const BoxXywh& region : image.ignored_regions) regions.push_back(rect(region));
  draw_ignored(picture, regions);
  std::vector<DrawnBox> boxes;
  for (const Object& object : image.objects) {
    if (object.class_index < 0) continue;
    boxes.push_back({rect(object.box), object.class_index, classes[static_cast<size_t>(object.class_index)]});
  }
  draw_boxes(picture, boxes);
  return picture;
}

}  // namespace skylift
