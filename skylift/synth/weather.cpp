#include <opencv2/imgproc.hpp>

#include "skylift/synth/canvas.h"

namespace skylift::synth {
namespace {

/// Light that falls off towards one side and the corners, and haze towards the far (upper) edge.
void add_air(cv::Mat& rgb, const Scene& scene, Rng& rng) {
  const double slope_x = rng.uniform(-0.12, 0.12), slope_y = rng.uniform(-0.1, 0.1), corners = rng.uniform(0, 0.2);
  const double haze = scene.light.haze;
  const int width = rgb.cols, height = rgb.rows;
  for (int y = 0; y < height; ++y) {
    uchar* pixel = rgb.ptr<uchar>(y);
    const double v = 2.0 * y / height - 1, far = 0.5 - 0.5 * v, white = haze * far * far;
    const auto veil = static_cast<int>(white * 205 * 256);
    for (int x = 0; x < width; ++x) {
      const double u = 2.0 * x / width - 1;
      const auto gain =
          static_cast<int>(256 * (1 - white) * (1 + slope_x * u + slope_y * v - corners * 0.5 * (u * u + v * v)));
      for (int channel = 0; channel < 3; ++channel, ++pixel)
        *pixel = cv::saturate_cast<uchar>((*pixel * gain + veil) >> 8);
    }
  }
}

void add_motion(cv::Mat& rgb, Rng& rng) {
  const int length = rng.chance(0.5) ? 3 : 5;
  cv::Mat kernel = cv::Mat::zeros(length, length, CV_32F);
  const double angle = rng.uniform(0, CV_PI), reach = (length - 1) / 2.0;
  const cv::Point middle(length / 2, length / 2), offset(static_cast<int>(std::lround(reach * std::cos(angle))),
                                                         static_cast<int>(std::lround(reach * std::sin(angle))));
  cv::line(kernel, middle - offset, middle + offset, cv::Scalar(1));
  kernel /= cv::sum(kernel)[0];
  cv::filter2D(rgb, rgb, -1, kernel);
}

void add_sensor_noise(cv::Mat& rgb, double deviation, cv::RNG& rng) {
  cv::Mat noise(rgb.size(), CV_16SC3), sum;
  rng.fill(noise, cv::RNG::NORMAL, 0, deviation);
  cv::add(rgb, noise, sum, cv::noArray(), CV_8U);
  rgb = sum;
}

}  // namespace

void apply_weather(cv::Mat& rgb, const Scene& scene, Rng& rng) {
  add_air(rgb, scene, rng);
  if (rng.chance(0.35)) cv::GaussianBlur(rgb, rgb, {0, 0}, rng.uniform(0.4, 0.8));
  if (rng.chance(0.12)) add_motion(rgb, rng);
  const double deviation = rng.uniform(1, scene.light.direct < 0.3 ? 6.5 : 4);
  cv::RNG noise_rng(rng.next());
  add_sensor_noise(rgb, deviation, noise_rng);
}

}  // namespace skylift::synth
