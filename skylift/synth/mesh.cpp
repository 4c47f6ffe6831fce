#include "skylift/synth/mesh.h"

#include <algorithm>

#include "skylift/synth/builder.h"

namespace skylift::synth {
namespace {

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

void add_static(Builder& build, const Thing& thing, const Light& light, Rng& rng) {
  switch (thing.kind) {
    case Kind::tree:
      return add_tree(build, thing, light, rng);
    case Kind::building:
      return add_building(build, thing, rng);
    case Kind::house:
      return add_house(build, thing);
    case Kind::container:
      return add_container(build, thing);
    case Kind::roof_unit:
      return add_roof_unit(build, thing);
    case Kind::pole:
      return add_pole(build, thing);
    case Kind::canopy:
      return add_canopy(build, thing);
    default:
      return add_deck(build, thing);
  }
}

}  // namespace

Mesh mesh_of(const Thing& thing, const Light& light) {
  Mesh mesh;
  Builder build(thing, mesh);
  Rng rng(thing.seed);
  if (is_object(thing.kind)) {
    add_object(build, thing, rng);
  } else {
    add_static(build, thing, light, rng);
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
