#include "skylift/train/validation_pictures.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "skylift/train/validation.h"

namespace skylift {
namespace {

constexpr int64_t kImages = 4;
constexpr double kScore = 0.3;
constexpr int kLongestPx = 800;

cv::Mat drawn(const cv::Mat& rgb, const std::vector<Detection>& detections, const std::vector<std::string>& classes) {
  const double scale = std::min(1.0, static_cast<double>(kLongestPx) / std::max(rgb.cols, rgb.rows));
  const auto reduced = [&](int side) { return std::max(1, static_cast<int>(std::lround(side * scale))); };
  cv::Mat picture;
  cv::resize(rgb, picture, {reduced(rgb.cols), reduced(rgb.rows)}, 0, 0, cv::INTER_AREA);
  std::vector<DrawnBox> boxes;
  for (const Detection& found : detections) {
    if (found.score < kScore) continue;
    const cv::Rect2d box(found.box.x * scale, found.box.y * scale, found.box.w * scale, found.box.h * scale);
    boxes.push_back({.box = box, .label = found.class_index, .text = classes[static_cast<size_t>(found.class_index)]});
  }
  draw_boxes(picture, boxes);
  return picture;
}

}  // namespace

std::vector<Picture> validation_pictures(const Predictor& predictor, const Dataset& dataset) {
  const DetectedSet detected = detect(predictor, dataset, {.limit = kImages});
  std::vector<Picture> pictures;
  for (size_t i = 0; i < detected.detections.size(); ++i) {
    pictures.push_back(
        {.rgb = drawn(dataset.get(static_cast<int64_t>(i)).rgb, detected.detections[i], detected.truth.classes),
         .caption = detected.truth.images[i].file});
  }
  return pictures;
}

}  // namespace skylift
