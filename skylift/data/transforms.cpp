#include "skylift/data/transforms.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <utility>

#include "skylift/data/geometry.h"
#include "skylift/image/resize.h"

namespace skylift {
namespace {

template <class Map>
void map_boxes(Sample& sample, const Map& map) {
  for (auto& object : sample.boxes) object.box = map(object.box);
  for (auto& box : sample.ignored) box = map(box);
}

void set_content(Sample& sample, cv::Mat rgb) {
  sample.rgb = std::move(rgb);
  sample.geometry.content_width = sample.rgb.cols;
  sample.geometry.content_height = sample.rgb.rows;
}

int random_start(int length, int window, Rng& rng) { return static_cast<int>(rng.index(length - window + 1)); }

/// A start of a window of `window` px that covers `point`.
int random_start_covering(int length, int window, float point, Rng& rng) {
  const int pixel = std::clamp(static_cast<int>(point), 0, length - 1);
  const int first = std::max(0, pixel - window + 1), last = std::min(pixel, length - window);
  return first + static_cast<int>(rng.index(last - first + 1));
}

cv::Size smaller(cv::Size a, cv::Size b) { return {std::min(a.width, b.width), std::min(a.height, b.height)}; }

/// Rotation of the hue circle around the grey axis, and scaling away from it.
cv::Matx33d hue_and_saturation(double turns, double saturation) {
  const double angle = turns * 2 * CV_PI, cosine = std::cos(angle), sine = std::sin(angle) / std::sqrt(3.0);
  const cv::Matx33d grey = cv::Matx33d::all(1.0 / 3), identity = cv::Matx33d::eye();
  const cv::Matx33d across(0, -1, 1, 1, 0, -1, -1, 1, 0);  // cross product with the grey axis, times sqrt(3)
  return grey + saturation * (cosine * (identity - grey) + sine * across);
}

}  // namespace

Sample resize_sample(Sample sample, cv::Size size) {
  const double factor_x = double(size.width) / sample.rgb.cols, factor_y = double(size.height) / sample.rgb.rows;
  set_content(sample, resize_rgb(sample.rgb, size));
  auto& geometry = sample.geometry;
  geometry.scale_x *= factor_x;
  geometry.offset_x *= factor_x;
  geometry.scale_y *= factor_y;
  geometry.offset_y *= factor_y;
  const auto x = [&](float value) { return static_cast<float>(value * factor_x); };
  const auto y = [&](float value) { return static_cast<float>(value * factor_y); };
  map_boxes(sample, [&](const BoxXyxy& box) { return BoxXyxy{x(box.x1), y(box.y1), x(box.x2), y(box.y2)}; });
  return sample;
}

Sample resize_keep_ratio(Sample sample, const Preprocess& preprocess, double factor) {
  const cv::Size size = scaled_size(sample.rgb.size(), factor * keep_ratio_scale(sample.rgb.size(), preprocess));
  return resize_sample(std::move(sample), size);
}

Sample crop(Sample sample, cv::Rect window, double min_visibility) {
  CV_Assert(!sample.geometry.flipped && !window.empty() && (window & cv::Rect({}, sample.rgb.size())) == window);
  set_content(sample, sample.rgb(window));
  sample.geometry.offset_x += window.x;
  sample.geometry.offset_y += window.y;
  const auto cut = [&](const BoxXyxy& box) {
    const auto left = static_cast<float>(window.x), top = static_cast<float>(window.y);
    return clip({box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top}, static_cast<float>(window.width),
                static_cast<float>(window.height));
  };
  for (auto& box : sample.ignored) box = cut(box);
  std::erase_if(sample.ignored, [](const BoxXyxy& box) { return !has_area(box); });
  std::vector<LabelledBox> visible;
  for (const auto& object : sample.boxes) {
    const BoxXyxy box = cut(object.box);
    if (!has_area(box)) continue;
    if (area(box) >= min_visibility * area(object.box)) {
      visible.push_back({box, object.label});
    } else {
      sample.ignored.push_back(box);
    }
  }
  sample.boxes = std::move(visible);
  return sample;
}

Sample flip_left_right(Sample sample) {
  cv::Mat mirrored;
  cv::flip(sample.rgb, mirrored, 1);
  const auto width = static_cast<float>(sample.rgb.cols);
  sample.rgb = mirrored;
  sample.geometry.flipped = !sample.geometry.flipped;
  map_boxes(sample, [&](const BoxXyxy& box) { return BoxXyxy{width - box.x2, box.y1, width - box.x1, box.y2}; });
  return sample;
}

cv::Rect random_window(cv::Size image, cv::Size size, Rng& rng) {
  size = smaller(size, image);
  const int x = random_start(image.width, size.width, rng);
  const int y = random_start(image.height, size.height, rng);
  return {{x, y}, size};
}

cv::Rect random_window_at_object(const Sample& sample, cv::Size size, Rng& rng) {
  const cv::Size image = sample.rgb.size();
  if (sample.boxes.empty()) return random_window(image, size, rng);
  size = smaller(size, image);
  const auto& box = sample.boxes[static_cast<size_t>(rng.index(static_cast<int64_t>(sample.boxes.size())))].box;
  const int x = random_start_covering(image.width, size.width, (box.x1 + box.x2) / 2, rng);
  const int y = random_start_covering(image.height, size.height, (box.y1 + box.y2) / 2, rng);
  return {{x, y}, size};
}

Sample change_colours(Sample sample, const AugmentOptions& options, Rng& rng) {
  const double shift = 255 * rng.uniform(-options.brightness, options.brightness);
  const double contrast = 1 + rng.uniform(-options.contrast, options.contrast);
  const double saturation = 1 + rng.uniform(-options.saturation, options.saturation);
  const double turns = rng.uniform(-options.hue, options.hue);
  const cv::Matx33d colours = contrast * hue_and_saturation(turns, saturation);
  const double constant = shift + (1 - contrast) * 127.5;
  cv::Matx34d map;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) map(row, column) = colours(row, column);
    map(row, 3) = constant;
  }
  cv::Mat changed;
  cv::transform(sample.rgb, changed, map);
  sample.rgb = changed;
  return sample;
}

}  // namespace skylift
