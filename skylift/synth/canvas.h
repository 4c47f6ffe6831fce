// The picture while it is painted, at several times its final resolution. For synth_paint.cpp, synth_ground.cpp,
// synth_weather.cpp.
#pragma once

#include <opencv2/core/mat.hpp>

#include "skylift/synth/scene.h"

namespace skylift::synth {

constexpr int kFiner = 2;         ///< painted pixels per final pixel and direction
constexpr int kSubpixelBits = 4;  ///< of polygon corners

inline cv::Point fixed(const Vec2& point) {
  return {static_cast<int>(std::lround(point[0] * (1 << kSubpixelBits))),
          static_cast<int>(std::lround(point[1] * (1 << kSubpixelBits)))};
}

inline cv::Scalar scalar(const Vec3& colour) { return {colour[0], colour[1], colour[2]}; }

/// `scene.camera` at the painting's resolution.
Camera finer_camera(const Camera& camera);

struct Ground {
  cv::Mat rgb;     ///< textured, lit, with shadows
  cv::Mat shadow;  ///< 8-bit: 255 in the shadow of tall things (not of vehicles and people), which darkens what stands
                   ///< there
};

Ground paint_ground(const Scene& scene, const Camera& camera, Rng& rng);

/// What lies between the scene and the file: haze, uneven light, lens and sensor. `rgb` has the final size.
void apply_weather(cv::Mat& rgb, const Scene& scene, Rng& rng);

}  // namespace skylift::synth
