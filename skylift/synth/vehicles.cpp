// Shapes of vehicles and people.
#include <algorithm>

#include "skylift/synth/builder.h"

namespace skylift::synth {
namespace {

const Vec3 kGlass(38, 46, 56), kTyre(26, 26, 28), kSkin(168, 124, 98), kLamp(238, 236, 220), kTailLamp(170, 28, 30);

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

}  // namespace

void add_object(Builder& build, const Thing& thing, Rng& rng) {
  switch (thing.kind) {
    case Kind::pedestrian:
      return add_pedestrian(build, thing, rng);
    case Kind::bicycle:
      return add_bicycle(build, thing, rng);
    case Kind::car:
      return add_car(build, thing, rng);
    case Kind::van:
      return add_van(build, thing);
    case Kind::truck:
      return add_truck(build, thing, rng);
    case Kind::bus:
      return add_bus(build, thing);
    default:
      return add_motor(build, thing, rng);
  }
}

}  // namespace skylift::synth
