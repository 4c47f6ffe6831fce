// Blocks and flat decals in a thing's own frame. For synth_mesh.cpp and synth_vehicles.cpp.
#pragma once

#include "skylift/synth/mesh.h"

namespace skylift::synth {

struct Rectangle {
  double x0, x1, y0, y1;  ///< forward and left, m
};

struct Shades {
  Vec3 side, top, front, back;
  Shades(const Vec3& all) : side(all), top(all), front(all), back(all) {}
  Shades(const Vec3& sides, const Vec3& roof) : side(sides), top(roof), front(sides), back(sides) {}
};

/// Builds a mesh in the thing's own frame.
class Builder {
 public:
  Builder(const Thing& thing, Mesh& mesh) : thing_(thing), mesh_(mesh) {}

  /// A block whose top may be smaller than its bottom.
  void block(const Rectangle& bottom, double z0, const Rectangle& top, double z1, const Shades& shades) {
    const auto low = corners(bottom, z0), high = corners(top, z1);
    const Vec3 middle = (low[0] + low[2] + high[0] + high[2]) * 0.25;
    const std::array<Vec3, 4> colours = {shades.front, shades.side, shades.back, shades.side};
    for (size_t i = 0; i < 4; ++i) {
      const size_t next = (i + 1) % 4;
      face({low[i], low[next], high[next], high[i]}, middle, colours[i]);
    }
    face(high, middle, shades.top);
  }
  void block(const Rectangle& base, double z0, double z1, const Shades& shades) { block(base, z0, base, z1, shades); }

  /// Something flat on a horizontal surface.
  void decal(const Rectangle& area, double z, const Vec3& colour) {
    mesh_.faces.push_back({corners(area, z + 0.02), {0, 0, 1}, colour});
  }

  void ball(const Vec3& centre, double radius, const Vec3& colour) { mesh_.balls.push_back({centre, radius, colour}); }

  Vec3 point(double x, double y, double z) const {
    const Vec2 at = thing_.frame.to_world(x, y);
    return {at[0], at[1], z + thing_.base_m};
  }

 private:
  /// Front right, front left, back left, back right.
  std::array<Vec3, 4> corners(const Rectangle& area, double z) const {
    return {point(area.x1, area.y0, z), point(area.x1, area.y1, z), point(area.x0, area.y1, z),
            point(area.x0, area.y0, z)};
  }

  void face(const std::array<Vec3, 4>& corners, const Vec3& inside, const Vec3& colour) {
    Vec3 normal = (corners[2] - corners[0]).cross(corners[3] - corners[1]);
    const double length = cv::norm(normal);
    if (length < 1e-9) return;
    normal *= (normal.dot(corners[0] - inside) < 0 ? -1 : 1) / length;
    mesh_.faces.push_back({corners, normal, colour});
  }

  const Thing& thing_;
  Mesh& mesh_;
};

/// Vehicles and people: the things to find.
void add_object(Builder& build, const Thing& thing, Rng& rng);

}  // namespace skylift::synth
