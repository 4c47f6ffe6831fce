#include "apps/latency.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "skylift/infer/image_view.h"

namespace skylift {
namespace {

constexpr int64_t kTimedImages = 15;  // an image's time is the median of so many

}  // namespace

double milliseconds_an_image(const Predictor& predictor, const Dataset& images) {
  std::vector<double> times;
  for (int64_t i = 0; i < std::min(kTimedImages + 1, images.size() + 1); ++i) {
    const cv::Mat rgb = images.get(i % images.size()).rgb;
    const auto begun = std::chrono::steady_clock::now();
    predictor.predict(view_of(rgb));
    if (i > 0)
      times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace skylift
