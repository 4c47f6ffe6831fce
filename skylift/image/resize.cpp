#include "skylift/image/resize.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

namespace skylift {

double keep_ratio_scale(cv::Size size, const Preprocess& preprocess) {
  const double long_side = std::max(size.width, size.height);
  const double short_side = std::min(size.width, size.height);
  return std::min(preprocess.long_side / long_side, preprocess.short_side / short_side);
}

cv::Size scaled_size(cv::Size size, double scale) {
  const auto side = [scale](int length) { return std::max(1, static_cast<int>(length * scale + 0.5)); };
  return {side(size.width), side(size.height)};
}

cv::Size keep_ratio_size(cv::Size size, const Preprocess& preprocess) {
  return scaled_size(size, keep_ratio_scale(size, preprocess));
}

cv::Mat resize_rgb(const cv::Mat& rgb, cv::Size size) {
  if (rgb.size() == size) return rgb;
  cv::Mat resized;
  cv::resize(rgb, resized, size, 0, 0, cv::INTER_LINEAR);
  return resized;
}

}  // namespace skylift
