#include "skylift/data/synth_mesh.h"

#include <algorithm>

namespace skylift::synth {
namespace {

struct Rectangle {
  double x0, x1, y0, y1;  ///< forward and left, m
};

const Vec3 kGlass(38, 46, 56), kTyre(26, 26, 28), kSkin(168, 124, 98), kLamp(238, 236, 220), kTailLamp(170, 28, 30);

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

void add_lamps(Builder& build, double length, double half_width, double z) {
  for (const double side : {-1.0, 1.0}) {
    const double y0 = std::min(side * half_width * 0.55, side * half_width * 0.95), y1 = y0 + half_width * 0.4;
    build.decal({length / 2 - 0.35, length / 2 - 0.05, y0, y1}, z, kLamp);
    build.decal({-length / 2 + 0.05, -length / 2 + 0.3, y0, y1}, z, kTailLamp);
  }
}

void add_car(Builder& build, const Thing& thing, Rng& rng) {
  const double length = thing.size[0], half = thing.size[1] / 2, height = thing.size[2];
  const double hood = height * 0.58, rear = rng.chance(0.5) ? -0.46 : -0.34;  // hatchback or saloon
  build.block({-length / 2 * 0.97, length / 2 * 0.97, -half * 0.94, half * 0.94}, 0.12, 0.35, kTyre);
  build.block({-length / 2, length / 2, -half, half}, 0.3, {-length / 2, length / 2 * 0.98, -half * 0.96, half * 0.96},
              hood, thing.colour);
  add_lamps(build, length, half * 0.96, hood);
  const Rectangle cabin{length * rear, length * 0.23, -half * 0.92, half * 0.92};
  const Rectangle roof{length * (rear + 0.1), length * 0.07, -half * 0.74, half * 0.74};
  build.block(cabin, hood, roof, height, {kGlass, thing.colour});
  if (rng.chance(0.15)) build.decal({roof.x0 + 0.35, roof.x1 - 0.5, roof.y0 + 0.2, roof.y1 - 0.2}, height, kGlass);
}

void add_van(Builder& build, const Thing& thing) {
  const double length = thing.size[0], half = thing.size[1] / 2, height = thing.size[2];
  build.block({-length / 2 * 0.97, length / 2 * 0.95, -half * 0.94, half * 0.94}, 0.12, 0.4, kTyre);
  build.block({-length / 2, length / 2, -half, half}, 0.35, height * 0.52, thing.colour);
  add_lamps(build, length, half, height * 0.52);
  Shades shades = thing.colour;
  shades.front = kGlass;
  const Rectangle roof{-length / 2, length * 0.24, -half * 0.9, half * 0.9};
  build.block({-length / 2, length * 0.4, -half, half}, height * 0.52, roof, height, shades);
  build.decal({length * 0.25, length * 0.385, -half * 0.85, half * 0.85}, height * 0.55, kGlass);
  for (const double x : {-0.3, -0.05})
    build.decal({length * x, length * x + 0.12, -half * 0.8, half * 0.8}, height, thing.colour * 0.85);
}

void add_truck(Builder& build, const Thing& thing, Rng& rng) {
  const double length = thing.size[0], half = thing.size[1] / 2, height = thing.size[2], cab = length / 2 - 2.1;
  build.block({-length / 2, length / 2 - 0.2, -half * 0.8, half * 0.8}, 0.3, 0.9, kTyre);
  build.block({cab, length / 2, -half * 0.95, half * 0.95}, 0.5, 1.5, thing.colour);
  Shades glass = {kGlass, thing.colour};
  build.block({cab, length / 2, -half * 0.95, half * 0.95}, 1.5, {cab, length / 2 - 0.35, -half * 0.9, half * 0.9},
              2.35, glass);
  const Rectangle bed{-length / 2, cab - 0.3, -half, half};
  if (rng.chance(0.6)) {
    const Vec3 box = rng.chance(0.6) ? Vec3(222, 222, 218) : Vec3(thing.colour * 0.9);
    build.block(bed, 0.9, height, box);
    for (double x = bed.x0 + 1; x < bed.x1; x += 1.3) build.decal({x, x + 0.1, -half, half}, height, box * 0.88);
  } else {
    const Vec3 load = rng.chance(0.5) ? Vec3(120, 96, 70) : Vec3(90, 90, 92);
    build.block(bed, 0.9, 1.9, thing.colour * 0.9);
    build.decal({bed.x0 + 0.15, bed.x1 - 0.15, bed.y0 + 0.15, bed.y1 - 0.15}, 1.85, load);
  }
}

void add_bus(Builder& build, const Thing& thing) {
  const double length = thing.size[0], half = thing.size[1] / 2, height = thing.size[2];
  const Rectangle body{-length / 2, length / 2, -half, half};
  const Rectangle wide{body.x0 - 0.01, body.x1 + 0.01, body.y0 - 0.01, body.y1 + 0.01};
  build.block(body, 0.3, 1.3, thing.colour);
  build.block(wide, 1.3, 2.3, kGlass);
  build.block(body, 2.3, height, {thing.colour, thing.colour * 0.6 + Vec3(225, 225, 225) * 0.4});
  for (const double x : {-0.32, 0.02, 0.3}) {
    build.block({length * x, length * x + 1.3, -half * 0.5, half * 0.5}, height, height + 0.25, Vec3(200, 200, 198));
  }
}

void add_torso(Builder& build, double x, double z0, double z1, double half, const Vec3& clothes, const Vec3& head) {
  build.block({x - 0.17, x + 0.17, -half, half}, z0, {x - 0.13, x + 0.13, -half * 0.85, half * 0.85}, z1, clothes);
  build.ball(build.point(x + 0.03, 0, z1 + 0.16), 0.17, head);
}

void add_pedestrian(Builder& build, const Thing& thing, Rng& rng) {
  const double half = thing.size[1] / 2, height = thing.size[2];
  const Vec3 trousers = rng.chance(0.7) ? Vec3(44, 48, 62) : Vec3(140, 128, 110);
  const double stride = rng.uniform(0.05, 0.3);
  build.block({-stride, stride, -half * 0.5, half * 0.5}, 0, height * 0.48, trousers);
  const Vec3 head = rng.chance(0.75) ? Vec3(36, 30, 28) : kSkin;
  add_torso(build, 0, height * 0.46, height - 0.32, half, thing.colour, head);
}

void add_motor(Builder& build, const Thing& thing, Rng& rng) {
  const double length = thing.size[0];
  const Vec3 metal = rng.chance(0.5) ? Vec3(48, 48, 52) : Vec3(150, 40, 38);
  build.block({-length / 2, length / 2, -0.1, 0.1}, 0.05, 0.6, kTyre);
  build.block({-length * 0.42, length * 0.34, -0.24, 0.24}, 0.4, {-length * 0.42, length * 0.3, -0.16, 0.16}, 0.9,
              metal);
  build.block({length * 0.28, length * 0.36, -thing.size[1] / 2, thing.size[1] / 2}, 0.95, 1.05, kTyre);
  if (!thing.ridden) return;
  const Vec3 helmet = rng.chance(0.5) ? Vec3(200, 198, 195) : rng.chance(0.5) ? Vec3(40, 40, 44) : Vec3(190, 50, 45);
  add_torso(build, -0.12, 0.8, 1.38, 0.3, thing.colour, helmet);
  if (rng.chance(0.2)) add_torso(build, -0.6, 0.8, 1.34, 0.27, thing.colour * 0.7, kSkin);
}

void add_bicycle(Builder& build, const Thing& thing, Rng& rng) {
  const double length = thing.size[0];
  const Vec3 frame = rng.chance(0.5) ? Vec3(60, 62, 66) : Vec3(70, 120, 160);
  build.block({-length / 2, length / 2, -0.05, 0.05}, 0, 0.62, kTyre);
  build.block({-length * 0.3, length * 0.3, -0.07, 0.07}, 0.5, 0.8, frame);
  build.block({length * 0.24, length * 0.29, -thing.size[1] / 2, thing.size[1] / 2}, 0.95, 1.03, frame);
  if (thing.ridden) add_torso(build, -0.1, 0.8, 1.45, 0.25, thing.colour, rng.chance(0.7) ? Vec3(40, 34, 30) : kSkin);
}

void add_tree(Builder& build, const Thing& thing, const Light& light, Rng& rng) {
  const double radius = thing.size[0] / 2, height = thing.size[2];
  build.block({-0.15, 0.15, -0.15, 0.15}, 0, height - radius, Vec3(84, 70, 54));
  std::vector<Vec3> offsets;
  for (int i = 0; i < 46; ++i) {
    const double angle = rng.uniform(0, 2 * CV_PI), up = rng.uniform(-0.7, 1),
                 flat = std::sqrt(std::max(0.0, 1 - up * up));
    offsets.emplace_back(flat * std::cos(angle), flat * std::sin(angle), up);
  }
  std::ranges::sort(offsets, {}, [](const Vec3& offset) { return offset[2]; });
  for (const auto& offset : offsets) {
    const Vec3 centre =
        build.point(0, 0, height - radius * 0.8) + Vec3(offset[0], offset[1], offset[2] * 0.75) * (radius * 0.72);
    const double lit =
        light.ambient + 0.12 + light.direct * (0.4 + 0.6 * offset.dot(light.to_sun)) + rng.normal(0, 0.09);
    const Vec3 leaf = thing.colour * std::clamp(lit, 0.2, 1.5);
    build.ball(centre, radius * rng.uniform(0.22, 0.4), leaf);
  }
}

void add_building(Builder& build, const Thing& thing, Rng& rng) {
  const double u = thing.size[0] / 2, v = thing.size[1] / 2, height = thing.size[2];
  const Vec3 wall = thing.colour * 0.92, glass = Vec3(70, 84, 98) * rng.uniform(0.7, 1.2);
  const Rectangle base{-u, u, -v, v}, inner{-u + 0.5, u - 0.5, -v + 0.5, v - 0.5};
  for (double z = 0; z < height - 0.8; z += 3.2) {
    build.block(base, z, std::min(z + 1.6, height), wall);
    if (z + 3.2 < height) build.block(base, z + 1.6, z + 3.2, glass);
  }
  build.block(base, std::max(0.0, height - 1.0), height, {wall, thing.colour * 1.08});
  build.decal(inner, height, thing.colour * 0.9);
  for (int stains = 0; stains < 5; ++stains) {
    const double x = rng.uniform(-u, u * 0.6), y = rng.uniform(-v, v * 0.6);
    const Rectangle stain{std::max(x, inner.x0), std::min(x + u * 0.35, inner.x1), std::max(y, inner.y0),
                          std::min(y + v * 0.35, inner.y1)};
    build.decal(stain, height, thing.colour * rng.uniform(0.82, 0.97));
  }
}

void add_house(Builder& build, const Thing& thing) {
  const double u = thing.size[0] / 2, v = thing.size[1] / 2, height = thing.size[2], eaves = height * 0.55;
  build.block({-u * 0.93, u * 0.93, -v * 0.9, v * 0.9}, 0, eaves, Vec3(196, 188, 174));
  build.block({-u, u, -v, v}, eaves, {-u * 0.75, u * 0.75, -0.05, 0.05}, height, thing.colour);
  build.block({u * 0.3, u * 0.3 + 0.7, v * 0.2, v * 0.2 + 0.7}, height * 0.75, height * 1.05, Vec3(120, 84, 72));
}

void add_container(Builder& build, const Thing& thing) {
  const Rectangle base{-thing.size[0] / 2, thing.size[0] / 2, -thing.size[1] / 2, thing.size[1] / 2};
  build.block(base, 0, thing.size[2], {thing.colour * 0.9, thing.colour});
  for (double x = base.x0 + 0.3; x < base.x1 - 0.2; x += 0.6)
    build.decal({x, x + 0.2, base.y0, base.y1}, thing.size[2], thing.colour * 0.85);
}

void add_pole(Builder& build, const Thing& thing) {
  const double half = thing.size[1] / 2, height = thing.size[2];
  build.block({-half, half, -half, half}, 0, {-half * 0.6, half * 0.6, -half * 0.6, half * 0.6}, height, thing.colour);
  build.block({0, thing.size[0], -half * 0.5, half * 0.5}, height - 0.1, height, thing.colour);
  build.block({thing.size[0] - 0.5, thing.size[0] + 0.2, -0.18, 0.18}, height - 0.15, height, thing.colour * 1.2);
}

void add_canopy(Builder& build, const Thing& thing) {
  const double u = thing.size[0] / 2, v = thing.size[1] / 2, height = thing.size[2];
  build.block({-u, u, -v, v}, height * 0.8, {-0.1, 0.1, -0.1, 0.1}, height * 1.15, {thing.colour, thing.colour});
}

void add_plain_block(Builder& build, const Thing& thing) {
  build.block({-thing.size[0] / 2, thing.size[0] / 2, -thing.size[1] / 2, thing.size[1] / 2}, 0, thing.size[2],
              {thing.colour * 0.9, thing.colour});
}

void add_roof_unit(Builder& build, const Thing& thing) {
  add_plain_block(build, thing);
  const double fan = std::min(thing.size[0], thing.size[1]) * 0.3;
  for (double x = -thing.size[0] / 2 + fan * 1.5; x < thing.size[0] / 2 - fan; x += fan * 3)
    build.decal({x - fan, x + fan, -fan, fan}, thing.size[2], Vec3(70, 72, 76));
}

/// A carriageway with kerbs and a dashed middle line.
void add_deck(Builder& build, const Thing& thing) {
  add_plain_block(build, thing);
  const double u = thing.size[0] / 2, v = thing.size[1] / 2, top = thing.size[2];
  build.decal({-u, u, -v + 0.6, v - 0.6}, top, Vec3(96, 96, 98));
  for (double x = -u; x < u; x += 9) build.decal({x, x + 3.2, -0.1, 0.1}, top, Vec3(200, 200, 196));
}

}  // namespace

Mesh mesh_of(const Thing& thing, const Light& light) {
  Mesh mesh;
  Builder build(thing, mesh);
  Rng rng(thing.seed);
  switch (thing.kind) {
    case Kind::pedestrian:
      add_pedestrian(build, thing, rng);
      break;
    case Kind::bicycle:
      add_bicycle(build, thing, rng);
      break;
    case Kind::car:
      add_car(build, thing, rng);
      break;
    case Kind::van:
      add_van(build, thing);
      break;
    case Kind::truck:
      add_truck(build, thing, rng);
      break;
    case Kind::bus:
      add_bus(build, thing);
      break;
    case Kind::motor:
      add_motor(build, thing, rng);
      break;
    case Kind::tree:
      add_tree(build, thing, light, rng);
      break;
    case Kind::building:
      add_building(build, thing, rng);
      break;
    case Kind::house:
      add_house(build, thing);
      break;
    case Kind::container:
      add_container(build, thing);
      break;
    case Kind::roof_unit:
      add_roof_unit(build, thing);
      break;
    case Kind::pole:
      add_pole(build, thing);
      break;
    case Kind::canopy:
      add_canopy(build, thing);
      break;
    case Kind::deck:
      add_deck(build, thing);
      break;
  }
  return mesh;
}

ShadowCaster shadow_caster(const Thing& thing) {
  ShadowCaster caster;
  const double height = thing.size[2];
  const auto at = [&](double x, double y, double z) {
    const Vec2 point = thing.frame.to_world(x, y);
    return Vec3(point[0], point[1], z + thing.base_m);
  };
  if (thing.kind == Kind::tree) {
    const double radius = thing.size[0] / 2;
    for (const double z : {-0.45, 0.0, 0.4})
      caster.balls.push_back({at(0, 0, height - radius * 0.8 + z * radius), radius * 0.85, {}});
    return caster;
  }
  const double half_length = thing.size[0] / 2 * (thing.kind == Kind::pole ? 0.05 : 1), half_width = thing.size[1] / 2;
  const bool floating = thing.kind == Kind::canopy;
  const double taper = thing.kind == Kind::house || floating ? 0.3 : thing.kind <= Kind::motor ? 0.75 : 1;
  for (const double x : {-half_length, half_length}) {
    for (const double y : {-half_width, half_width}) {
      caster.points.push_back(at(x, y, floating ? height * 0.8 : 0));
      caster.points.push_back(at(x * taper, y * taper, height));
    }
  }
  return caster;
}

}  // namespace skylift::synth
