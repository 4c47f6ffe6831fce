// The drone's camera: a pinhole above the origin, looking towards +y and down. Ground coordinates in metres, z up.
#pragma once

#include <cmath>
#include <opencv2/core/matx.hpp>
#include <opencv2/core/types.hpp>
#include <optional>
#include <vector>

namespace skylift::synth {

using Vec2 = cv::Vec2d;
using Vec3 = cv::Vec3d;

struct Camera {
  double height_m = 50;
  double pitch = CV_PI / 2;  ///< radians below the horizon; pi/2 looks straight down
  double focal_px = 500;
  cv::Size size;  ///< px

  /// Distance along the optical axis.
  double depth(const Vec3& point) const { return point[1] * std::cos(pitch) + (height_m - point[2]) * std::sin(pitch); }

  /// Image position of a point in front of the camera.
  Vec2 project(const Vec3& point) const {
    const double scale = focal_px / depth(point);
    const double up = point[1] * std::sin(pitch) - (height_m - point[2]) * std::cos(pitch);
    return {size.width / 2.0 + scale * point[0], size.height / 2.0 - scale * up};
  }

  /// The ground point seen at an image position (which must be below the horizon).
  Vec2 ground(const Vec2& pixel) const {
    const double right = (pixel[0] - size.width / 2.0) / focal_px, up = (size.height / 2.0 - pixel[1]) / focal_px;
    const double forward = std::cos(pitch) + up * std::sin(pitch), down = std::sin(pitch) - up * std::cos(pitch);
    return {right * height_m / down, forward * height_m / down};
  }

  Vec3 position() const { return {0, 0, height_m}; }

  /// The part of a polygon in front of the camera, projected; empty if there is none.
  std::vector<cv::Point2d> project_polygon(const std::vector<Vec3>& corners) const;
};

/// A direction and position on the ground, for things that are described in their own frame (x forward, y left).
struct Frame {
  Vec2 at;
  double heading = 0;  ///< radians
  Vec2 to_world(double x, double y) const {
    const double c = std::cos(heading), s = std::sin(heading);
    return {at[0] + c * x - s * y, at[1] + s * x + c * y};
  }
};

}  // namespace skylift::synth
