#include "skylift/synth/layout.h"

#include <algorithm>
#include <array>

namespace skylift::synth {
namespace {

template <class Items>
const auto& pick(const Items& items, Rng& rng) {
  return items[static_cast<size_t>(rng.index(static_cast<int64_t>(std::size(items))))];
}

struct Dimensions {
  Vec3 size, deviation;  ///< m
};

Dimensions dimensions(Kind kind) {
  switch (kind) {
    case Kind::pedestrian:
      return {{0.55, 0.75, 1.85}, {0.05, 0.06, 0.12}};
    case Kind::bicycle:
      return {{1.85, 0.65, 1.75}, {0.08, 0.04, 0.08}};
    case Kind::motor:
      return {{2.1, 0.9, 1.65}, {0.1, 0.06, 0.08}};
    case Kind::van:
      return {{5.1, 2.0, 2.15}, {0.35, 0.08, 0.2}};
    case Kind::truck:
      return {{8.0, 2.45, 3.1}, {1.3, 0.1, 0.3}};
    case Kind::bus:
      return {{11.2, 2.6, 3.2}, {0.9, 0.05, 0.1}};
    default:
      return {{4.4, 1.85, 1.45}, {0.25, 0.06, 0.1}};
  }
}

// What one sees on roads: mostly white, black, grey and silver, few strong colours.
constexpr std::array<std::array<int, 3>, 14> kCarColours = {{{232, 232, 230},
                                                             {238, 238, 238},
                                                             {225, 226, 228},
                                                             {28, 29, 32},
                                                             {40, 41, 45},
                                                             {58, 60, 64},
                                                             {120, 122, 126},
                                                             {160, 163, 167},
                                                             {190, 192, 195},
                                                             {150, 24, 28},
                                                             {28, 52, 120},
                                                             {70, 100, 150},
                                                             {110, 84, 60},
                                                             {190, 150, 60}}};
constexpr std::array<std::array<int, 3>, 6> kVanColours = {
    {{236, 236, 234}, {228, 228, 226}, {190, 192, 194}, {120, 122, 125}, {205, 200, 185}, {60, 80, 110}}};
constexpr std::array<std::array<int, 3>, 6> kTruckColours = {
    {{225, 225, 222}, {60, 95, 165}, {170, 50, 40}, {110, 130, 110}, {200, 170, 70}, {150, 150, 150}}};
constexpr std::array<std::array<int, 3>, 5> kBusColours = {
    {{230, 190, 50}, {60, 130, 80}, {200, 60, 50}, {220, 222, 225}, {60, 110, 180}}};
constexpr std::array<std::array<int, 3>, 9> kClothes = {{{30, 32, 40},
                                                         {45, 50, 70},
                                                         {210, 208, 205},
                                                         {150, 40, 45},
                                                         {60, 80, 130},
                                                         {110, 110, 112},
                                                         {200, 170, 60},
                                                         {60, 90, 70},
                                                         {180, 120, 140}}};

Vec3 paint_of(Kind kind, Rng& rng) {
  const auto& rgb = kind == Kind::van     ? pick(kVanColours, rng)
                    : kind == Kind::truck ? pick(kTruckColours, rng)
                    : kind == Kind::bus   ? pick(kBusColours, rng)
                    : kind == Kind::car   ? pick(kCarColours, rng)
                                          : pick(kClothes, rng);
  return {double(rgb[0]), double(rgb[1]), double(rgb[2])};
}

Camera choose_camera(const SynthOptions& options, Rng& rng) {
  Camera camera;
  camera.size = {options.width, options.height};
  camera.focal_px = rng.uniform(0.85, 1.15) * std::max(options.width, options.height);
  camera.pitch = rng.chance(0.3) ? rng.uniform(1.35, CV_PI / 2) : rng.uniform(0.72, 1.3);
  const double car_px = options.car_px_min * std::pow(options.car_px_max / options.car_px_min, rng.uniform());
  camera.height_m = camera.focal_px * 4.4 / car_px * std::sin(camera.pitch);
  return camera;
}

Light choose_light(const Camera& camera, Rng& rng) {
  Light light;
  const double azimuth = rng.uniform(0, 2 * CV_PI), elevation = rng.uniform(0.55, 1.2);
  light.to_sun = {std::cos(elevation) * std::cos(azimuth), std::cos(elevation) * std::sin(azimuth),
                  std::sin(elevation)};
  const double kind = rng.uniform();
  if (kind < 0.55) {  // sunny
    light = {light.to_sun, 0.62, 0.5, rng.uniform(0.45, 0.6), 0, {1.02, 1.0, 0.96}};
  } else if (kind < 0.85) {  // overcast
    light = {light.to_sun, 0.25, 0.72, rng.uniform(0.12, 0.25), 0, {0.94, 0.96, 1.0}};
  } else {  // dusk
    light = {light.to_sun, 0.28, 0.38, rng.uniform(0.2, 0.35), 0, {0.98, 0.9, 0.92}};
  }
  light.haze = camera.pitch < 1.2 ? rng.uniform(0, 0.28) : 0;
  return light;
}

/// Half the side of a square around the middle of the view that holds all ground in view.
double reach_of(const Camera& camera, const Vec2& middle) {
  double reach = 0;
  for (const double x : {0.0, double(camera.size.width)}) {
    for (const double y : {0.0, double(camera.size.height)}) {
      const Vec2 corner = camera.ground({x, y}) - middle;
      reach = std::max({reach, std::abs(corner[0]), std::abs(corner[1])});
    }
  }
  return 1.45 * reach;
}

}  // namespace

Town::Town(Scene& scene, const SynthOptions& options, Rng& rng) : scene_(scene), options_(options), rng_(rng) {
  const Camera& camera = scene.camera;
  const Vec2 middle = camera.ground({camera.size.width / 2.0, camera.size.height / 2.0});
  frame_ = {middle, rng.chance(0.25) ? rng.normal(0, 0.05) : rng.uniform(0, CV_PI)};
  reach_ = reach_of(camera, middle);
  traffic_ = options.density * rng.uniform(0.35, 1.5);
}

void Town::build() {
  choose_roads();
  patch({-reach_, reach_, -reach_, reach_}, vary({132, 130, 124}, 8), Material::paving);
  for (const auto& block : blocks()) {
    if (visible(block)) fill_block(block.inset(kWalk));
  }
  pave_roads();
  for (const auto& road : roads_) drive(road);
  for (const auto& road : roads_) walk_along(road);
  if (rng_.chance(0.18)) add_overpass();
}

void Town::choose_roads() {
  const auto choose = [this](bool along_u, double spacing_min, double spacing_max) {
    for (double at = -reach_ + rng_.uniform(0, spacing_max); at < reach_;
         at += rng_.uniform(spacing_min, spacing_max)) {
      const double size = rng_.uniform();
      roads_.push_back({along_u, at, size < 0.35 ? 1 : size < 0.8 ? 2 : 3, size > 0.12});
    }
  };
  choose(true, 42, 80);
  choose(false, 55, 120);
}

std::vector<Area> Town::blocks() const {
  const auto gaps = [this](bool along_u) {
    std::vector<std::pair<double, double>> result;
    double from = -reach_;
    for (const auto& road : roads_) {
      if (road.along_u != along_u) continue;
      result.emplace_back(from, road.middle - half_width(road));
      from = road.middle + half_width(road);
    }
    result.emplace_back(from, reach_);
    return result;
  };
  std::vector<Area> areas;
  for (const auto& [v0, v1] : gaps(true)) {
    for (const auto& [u0, u1] : gaps(false)) areas.push_back({u0, u1, v0, v1});
  }
  return areas;
}

void Town::fill_block(const Area& block) {
  if (std::min(block.along(), block.across()) < 6) return;
  if (std::max(block.along(), block.across()) > 48 && rng_.chance(0.9)) {
    const double share = rng_.uniform(0.35, 0.65);
    Area first = block, second = block;
    if (block.along() > block.across()) {
      first.u1 = block.u0 + share * block.along() - 1.5;
      second.u0 = first.u1 + 3;
    } else {
      first.v1 = block.v0 + share * block.across() - 1.5;
      second.v0 = first.v1 + 3;
    }
    fill_block(first);
    fill_block(second);
    return;
  }
  if (!visible(block)) return;
  const double what = rng_.uniform();
  const size_t first_thing = scene_.things.size();
  if (what < 0.3) {
    parking(block);
    maybe_ignore(block, first_thing);
  } else if (what < 0.46) {
    office(block);
  } else if (what < 0.6) {
    houses(block);
  } else if (what < 0.76) {
    park(block);
  } else if (what < 0.9) {
    plaza(block);
    maybe_ignore(block, first_thing);
  } else {
    yard(block);
  }
}

bool Town::visible(const Vec2& town, double margin_m) const {
  const Vec2 at = world(town[0], town[1]);
  const Vec3 point(at[0], at[1], 0);
  const Camera& camera = scene_.camera;
  const double depth = camera.depth(point);
  if (depth < camera.height_m * 0.2) return false;
  const Vec2 pixel = camera.project(point);
  const double margin = margin_m * camera.focal_px / depth;
  return pixel[0] > -margin && pixel[1] > -margin && pixel[0] < camera.size.width + margin &&
         pixel[1] < camera.size.height + margin;
}

bool Town::visible(const Area& area) const {
  const double radius = std::hypot(area.along(), area.across()) / 2;
  return visible({(area.u0 + area.u1) / 2, (area.v0 + area.v1) / 2}, radius + 10);
}

void Town::patch(const Area& area, const Vec3& colour, Material material) {
  scene_.patches.push_back(
      {{world(area.u0, area.v0), world(area.u1, area.v0), world(area.u1, area.v1), world(area.u0, area.v1)},
       colour,
       material});
}

Thing& Town::place(Kind kind, double u, double v, double heading, const Vec3& size, const Vec3& colour) {
  Thing thing;
  thing.kind = kind;
  thing.frame = {world(u, v), frame_.heading + heading};
  thing.size = size;
  thing.colour = colour;
  thing.seed = rng_.next();
  return scene_.things.emplace_back(thing);
}

Thing& Town::place_vehicle(Kind kind, double u, double v, double heading) {
  const auto [mean, deviation] = dimensions(kind);
  Vec3 size;
  for (int i = 0; i < 3; ++i) size[i] = mean[i] + deviation[i] * std::clamp(rng_.normal(), -1.8, 1.8);
  return place(kind, u, v, heading, size, vary(paint_of(kind, rng_), 7));
}

void Town::place_person(double u, double v) {
  if (visible({u, v}, 1)) place_vehicle(Kind::pedestrian, u, v, rng_.uniform(0, 2 * CV_PI));
}

void Town::place_tree(double u, double v, double diameter) {
  if (!visible({u, v}, diameter * 2)) return;
  const Vec3 green = rng_.chance(0.85) ? Vec3(62, 88, 42) : Vec3(104, 98, 46);
  place(Kind::tree, u, v, 0, {diameter, diameter, diameter * rng_.uniform(0.8, 1.3) + 1.5}, vary(green, 12));
}

Vec3 Town::vary(const Vec3& colour, double deviation) {
  // Greys stay grey: strong tints of asphalt and concrete look wrong.
  const double spread = std::max({colour[0], colour[1], colour[2]}) - std::min({colour[0], colour[1], colour[2]});
  const double own = spread < 30 ? 0.1 : 0.35, common = rng_.normal(0, deviation);
  Vec3 result;
  for (int i = 0; i < 3; ++i) result[i] = std::clamp(colour[i] + common + rng_.normal(0, deviation * own), 4.0, 250.0);
  return result;
}

Scene lay_out(const SynthOptions& options, Rng& rng) {
  Scene scene;
  scene.camera = choose_camera(options, rng);
  scene.light = choose_light(scene.camera, rng);
  Town(scene, options, rng).build();
  return scene;
}

}  // namespace skylift::synth
