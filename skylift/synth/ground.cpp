// Ground of a synthetic scene: patches of colour, texture that follows perspective, and shadows.
#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>

#include "skylift/synth/canvas.h"
#include "skylift/synth/mesh.h"

namespace skylift::synth {
namespace {

/// How a material departs from its colour: by RGB per unit of the slow texture, and by grey per unit of the fine one.
struct Variation {
  std::array<int, 3> slow;
  int fine;
};
constexpr std::array<Variation, 5> kVariations = {{
    {{46, 26, 22}, 52},  // grass: dry and lush parts, strong grain
    {{15, 15, 15}, 15},  // asphalt
    {{18, 17, 15}, 17},  // paving
    {{34, 30, 24}, 34},  // dirt
    {{40, 40, 40}, 40},  // paint: worn unevenly
}};

/// Noise in octaves: each finer one is added with a weight. Mean 128.
cv::Mat noise(int side, int coarsest, double first_weight, double ratio, cv::RNG& rng) {
  cv::Mat sum, octave;
  double weight = first_weight;
  for (int size = coarsest; size <= side; size *= 2, weight *= ratio) {
    octave.create(size, size, CV_32F);
    rng.fill(octave, cv::RNG::UNIFORM, -weight, weight);
    if (sum.empty()) {
      sum = octave.clone();
    } else {
      cv::resize(sum, sum, octave.size(), 0, 0, cv::INTER_LINEAR);
      sum += octave;
    }
  }
  sum.convertTo(sum, CV_8U, 1, 128);
  return sum;
}

/// A ground texture as the camera sees it. It covers a square of `extent_m` around the middle of the view.
cv::Mat seen_texture(const cv::Mat& texture, const Camera& camera, double extent_m) {
  const Vec2 middle = camera.ground({camera.size.width / 2.0, camera.size.height / 2.0});
  std::array<cv::Point2f, 4> from, to;
  const std::array<Vec2, 4> pixels = {Vec2(0, 0), Vec2(camera.size.width, 0),
                                      Vec2(camera.size.width, camera.size.height), Vec2(0, camera.size.height)};
  for (size_t i = 0; i < 4; ++i) {
    const Vec2 texel =
        (camera.ground(pixels[i]) - middle) * (texture.cols / extent_m) + Vec2(texture.cols, texture.rows) * 0.5;
    from[i] = {static_cast<float>(pixels[i][0]), static_cast<float>(pixels[i][1])};
    to[i] = {static_cast<float>(texel[0]), static_cast<float>(texel[1])};
  }
  cv::Mat seen;
  cv::warpPerspective(texture, seen, cv::getPerspectiveTransform(from.data(), to.data()), camera.size,
                      cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_REFLECT_101);
  return seen;
}

double extent_of(const Camera& camera) {
  const Vec2 middle = camera.ground({camera.size.width / 2.0, camera.size.height / 2.0});
  double half = 0;
  for (const double x : {0.0, double(camera.size.width)}) {
    for (const double y : {0.0, double(camera.size.height)}) {
      const Vec2 corner = camera.ground({x, y}) - middle;
      half = std::max({half, std::abs(corner[0]), std::abs(corner[1])});
    }
  }
  return 2 * half;
}

void fill(cv::Mat& picture, const std::vector<cv::Point2d>& corners, const cv::Scalar& colour) {
  std::vector<cv::Point> points;
  for (const auto& corner : corners) points.push_back(fixed({corner.x, corner.y}));
  if (points.size() > 2) cv::fillConvexPoly(picture, points, colour, cv::LINE_8, kSubpixelBits);
}

void paint_patches(const Scene& scene, const Camera& camera, cv::Mat& rgb, cv::Mat& material) {
  for (const auto& patch : scene.patches) {
    std::vector<Vec3> corners;
    for (const auto& corner : patch.corners) corners.emplace_back(corner[0], corner[1], 0);
    const auto projected = camera.project_polygon(corners);
    fill(rgb, projected, scalar(patch.colour));
    fill(material, projected, cv::Scalar(static_cast<int>(patch.material)));
  }
}

void add_texture(cv::Mat& rgb, const cv::Mat& material, const cv::Mat& slow, const cv::Mat& fine) {
  for (int y = 0; y < rgb.rows; ++y) {
    uchar* pixel = rgb.ptr<uchar>(y);
    const uchar *kind = material.ptr<uchar>(y), *slow_row = slow.ptr<uchar>(y), *fine_row = fine.ptr<uchar>(y);
    for (int x = 0; x < rgb.cols; ++x, pixel += 3) {
      const Variation& variation = kVariations[kind[x]];
      const int slow_part = slow_row[x] - 128, fine_part = (fine_row[x] - 128) * variation.fine;
      for (size_t channel = 0; channel < 3; ++channel) {
        pixel[channel] =
            cv::saturate_cast<uchar>(pixel[channel] + ((slow_part * variation.slow[channel] + fine_part) >> 6));
      }
    }
  }
}

/// Where a point's shadow falls on the ground.
Vec3 dropped(const Vec3& point, const Vec3& to_sun) {
  const double run = point[2] / to_sun[2];
  return {point[0] - run * to_sun[0], point[1] - run * to_sun[1], 0};
}

void cast_shadow(cv::Mat& mask, const Thing& thing, const Camera& camera, const Vec3& to_sun) {
  const ShadowCaster caster = shadow_caster(thing);
  const auto hull = [&](const std::vector<Vec3>& points) {
    std::vector<cv::Point2f> flat, outline;
    for (const auto& point : points) flat.emplace_back(static_cast<float>(point[0]), static_cast<float>(point[1]));
    cv::convexHull(flat, outline);
    std::vector<Vec3> corners;
    for (const auto& point : outline) corners.emplace_back(point.x, point.y, 0);
    fill(mask, camera.project_polygon(corners), cv::Scalar(255));
  };
  std::vector<Vec3> points;
  for (const auto& point : caster.points) points.push_back(dropped(point, to_sun));
  if (!points.empty()) hull(points);
  for (const auto& ball : caster.balls) {
    points.clear();
    for (int i = 0; i < 14; ++i) {
      const double angle = i * 2 * CV_PI / 14;
      points.push_back(dropped(ball.centre + Vec3(std::cos(angle), std::sin(angle), 0) * ball.radius, to_sun));
    }
    hull(points);
  }
}

void darken(cv::Mat& rgb, const cv::Mat& mask, double strength) {
  std::array<int, 256> factor;
  for (int value = 0; value < 256; ++value)
    factor[static_cast<size_t>(value)] = static_cast<int>(256 * (1 - strength * value / 255));
  for (int y = 0; y < rgb.rows; ++y) {
    uchar* pixel = rgb.ptr<uchar>(y);
    const uchar* shade = mask.ptr<uchar>(y);
    for (int x = 0; x < rgb.cols; ++x, pixel += 3) {
      if (shade[x] == 0) continue;
      for (int channel = 0; channel < 3; ++channel)
        pixel[channel] = static_cast<uchar>(pixel[channel] * factor[shade[x]] >> 8);
    }
  }
}

}  // namespace

Ground paint_ground(const Scene& scene, const Camera& camera, Rng& rng) {
  cv::RNG texture_rng(rng.next());
  Ground ground;
  ground.rgb.create(camera.size, CV_8UC3);
  ground.rgb.setTo(cv::Scalar(130, 128, 122));
  cv::Mat material(camera.size, CV_8U, cv::Scalar(static_cast<int>(Material::paving)));
  paint_patches(scene, camera, ground.rgb, material);
  const double extent = extent_of(camera);
  add_texture(ground.rgb, material, seen_texture(noise(256, 4, 42, 0.75, texture_rng), camera, extent),
              seen_texture(noise(1024, 128, 30, 0.95, texture_rng), camera, extent));
  const Light& light = scene.light;
  const double sunlit = light.ambient + light.direct * light.to_sun[2];
  cv::multiply(ground.rgb, scalar(light.tint) * sunlit, ground.rgb);

  ground.shadow = cv::Mat::zeros(camera.size, CV_8U);
  for (const auto& thing : scene.things) {
    if (!is_object(thing.kind) && thing.kind != Kind::roof_unit)
      cast_shadow(ground.shadow, thing, camera, light.to_sun);
  }
  cv::Mat all = ground.shadow.clone();
  for (const auto& thing : scene.things) {
    if (is_object(thing.kind) && thing.base_m == 0) cast_shadow(all, thing, camera, light.to_sun);
  }
  cv::blur(all, all, {3, 3});
  darken(ground.rgb, all, light.shadow);
  return ground;
}

}  // namespace skylift::synth
