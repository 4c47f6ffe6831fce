#include "apps/drawing.h"

#include <fmt/core.h>

#include "skylift/image/draw.h"
#include "skylift/image/resize.h"

namespace skylift {
namespace {

cv::Rect2f zoomed(const BoxXywh& box, double zoom) {
  return {static_cast<float>(box.x * zoom), static_cast<float>(box.y * zoom), static_cast<float>(box.w * zoom),
          static_cast<float>(box.h * zoom)};
}

cv::Mat zoomed(const cv::Mat& rgb, double zoom) {
  return zoom == 1 ? rgb.clone() : resize_rgb(rgb, scaled_size(rgb.size(), zoom));
}

}  // namespace

cv::Mat with_detections(const cv::Mat& rgb, const std::vector<Detection>& detections,
                        const std::vector<std::string>& classes, double min_score, double zoom) {
  cv::Mat picture = zoomed(rgb, zoom);
  std::vector<DrawnBox> boxes;
  for (const Detection& detection : detections) {
    if (detection.score < min_score) continue;
    const std::string& name = classes[static_cast<size_t>(detection.class_index)];
    boxes.push_back(
        {zoomed(detection.box, zoom), detection.class_index, fmt::format("{} {:.2f}", name, detection.score)});
  }
  draw_boxes(picture, boxes);
  return picture;
}

cv::Mat with_annotations(const cv::Mat& rgb, const ImageRecord& image, const std::vector<std::string>& classes,
                         double zoom) {
  cv::Mat picture = zoomed(rgb, zoom);
  std::vector<cv::Rect2f> regions;
  for (const BoxXywh& region : image.ignored_regions) regions.push_back(zoomed(region, zoom));
  draw_ignored(picture, regions);
  std::vector<DrawnBox> boxes;
  for (const Object& object : image.objects) {
    if (object.class_index < 0) continue;
    boxes.push_back({zoomed(object.box, zoom), object.class_index, classes[static_cast<size_t>(object.class_index)]});
  }
  draw_boxes(picture, boxes);
  return picture;
}

}  // namespace skylift
