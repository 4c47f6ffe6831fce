// What stands between the roads of the synthetic town.
#include <algorithm>
#include <array>

#include "skylift/synth/layout.h"

namespace skylift::synth {
namespace {

Vec3 triple(const std::array<int, 3>& rgb) { return {double(rgb[0]), double(rgb[1]), double(rgb[2])}; }

constexpr std::array<std::array<int, 3>, 6> kContainerColours = {
    {{40, 80, 150}, {160, 60, 40}, {50, 110, 80}, {200, 200, 195}, {190, 150, 50}, {90, 95, 100}}};
constexpr std::array<std::array<int, 3>, 5> kRoofColours = {
    {{150, 80, 60}, {120, 70, 58}, {96, 98, 104}, {112, 100, 88}, {140, 140, 138}}};
constexpr std::array<std::array<int, 3>, 5> kFlatRoofColours = {
    {{168, 166, 160}, {140, 142, 144}, {190, 186, 176}, {118, 120, 122}, {150, 128, 110}}};
constexpr std::array<std::array<int, 3>, 5> kCanopyColours = {
    {{200, 60, 50}, {50, 100, 170}, {230, 225, 215}, {220, 160, 50}, {60, 140, 90}}};

template <class Items>
Vec3 colour_of(const Items& items, Rng& rng) {
  return triple(items[static_cast<size_t>(rng.index(static_cast<int64_t>(std::size(items))))]);
}

}  // namespace

void Town::parking(const Area& area) {
  patch(area, vary({104, 104, 105}, 12), Material::asphalt);
  const double fill = std::min(0.97, rng_.uniform(0.3, 1.0) * std::min(1.0, options_.density + 0.2)), slot = 5.4,
               aisle = 6.2;
  double v = area.v0 + 0.6;
  for (; v + slot < area.v1; v += slot) {
    parking_row(area, v, slot, fill);
    v += slot;
    if (v + aisle > area.v1) break;
    for (int64_t people = rng_.index(4); people > 0; --people)
      place_person(rng_.uniform(area.u0, area.u1), v + rng_.uniform(0.5, 5.5));
    v += aisle;
    if (v + slot < area.v1) parking_row(area, v, slot, fill);
  }
}

/// Slots side by side along u, `depth` deep from v on.
void Town::parking_row(const Area& area, double v, double depth, double fill) {
  const Vec3 white = vary({200, 200, 196}, 10);
  const double width = 2.65;
  for (double u = area.u0 + 0.8; u + width < area.u1; u += width) {
    if (!visible({u, v}, 8)) continue;
    patch({u - 0.07, u + 0.07, v, v + depth}, white, Material::paint);
    if (!rng_.chance(fill)) continue;
    const double heading = (rng_.chance(0.6) ? 1 : -1) * CV_PI / 2 + rng_.normal(0, 0.03);
    place_vehicle(rng_.chance(0.9) ? Kind::car : Kind::van, u + width / 2 + rng_.normal(0, 0.1),
                  v + depth / 2 + rng_.normal(0, 0.2), heading);
  }
}

void Town::houses(const Area& area) {
  patch(area, vary({96, 108, 66}, 10), Material::grass);
  for (double u = area.u0 + 1; u + 12 < area.u1; u += 17) {
    for (double v = area.v0 + 1; v + 10 < area.v1; v += 15) {
      const double length = rng_.uniform(9, 12), width = rng_.uniform(7, 9.5);
      patch({u + 11, u + 14.5, v, v + 13}, vary({150, 146, 140}, 8), Material::paving);
      place(Kind::house, u + 5.5, v + 6, rng_.chance(0.5) ? 0 : CV_PI / 2, {length, width, rng_.uniform(5, 8)},
            vary(colour_of(kRoofColours, rng_), 8));
      if (rng_.chance(0.6 * options_.density))
        place_vehicle(rng_.chance(0.85) ? Kind::car : Kind::van, u + 12.7, v + rng_.uniform(3, 9),
                      CV_PI / 2 + rng_.normal(0, 0.05));
      if (rng_.chance(0.35)) place_person(u + rng_.uniform(10.5, 15), v + rng_.uniform(0, 13));
      if (rng_.chance(0.8)) place_tree(u + rng_.uniform(11, 16), v + rng_.uniform(11, 14), rng_.uniform(3, 6));
    }
  }
}

void Town::office(const Area& area) {
  patch(area, vary({146, 142, 134}, 10), Material::paving);
  const Area footprint = area.inset(rng_.uniform(2.5, 5));
  if (std::min(footprint.along(), footprint.across()) < 7) return plaza(area);
  const double u = (footprint.u0 + footprint.u1) / 2, v = (footprint.v0 + footprint.v1) / 2;
  const double height = std::min(rng_.uniform(4, 16), 0.3 * scene_.camera.height_m);
  place(Kind::building, u, v, 0, {footprint.along(), footprint.across(), height},
        vary(colour_of(kFlatRoofColours, rng_), 8));
  for (int64_t units = 2 + rng_.index(9); units > 0; --units) {  // boxes on the roof, the size of cars
    const double at_u = rng_.uniform(footprint.u0 + 2.5, footprint.u1 - 2.5),
                 at_v = rng_.uniform(footprint.v0 + 2.5, footprint.v1 - 2.5);
    place(Kind::roof_unit, at_u, at_v, rng_.chance(0.5) ? 0 : CV_PI / 2,
          {rng_.uniform(1.5, 4.5), rng_.uniform(1.2, 2.2), rng_.uniform(0.8, 1.6)}, vary({185, 186, 188}, 14))
        .base_m = height;
  }
  for (int64_t bikes = rng_.index(14); bikes > 0; --bikes) {  // a rack along one wall
    const double at_u = footprint.u0 + 0.9 * static_cast<double>(bikes);
    if (at_u > footprint.u1 || !visible({at_u, area.v0 + 1.2}, 2)) break;
    place_vehicle(rng_.chance(0.5) ? Kind::bicycle : Kind::motor, at_u, area.v0 + 1.2, CV_PI / 2 + rng_.normal(0, 0.12))
        .ridden = false;
  }
  for (int64_t people = rng_.index(8); people > 0; --people)
    place_person(rng_.uniform(area.u0, area.u1), rng_.chance(0.5) ? area.v0 + 1.5 : area.v1 - 1.2);
}

void Town::park(const Area& area) {
  patch(area, vary({88, 104, 58}, 12), Material::grass);
  const double path_u = rng_.uniform(area.u0, area.u1), path_v = rng_.uniform(area.v0, area.v1);
  const Vec3 gravel = vary({166, 154, 130}, 8);
  patch({path_u - 1.3, path_u + 1.3, area.v0, area.v1}, gravel, Material::dirt);
  patch({area.u0, area.u1, path_v - 1.3, path_v + 1.3}, gravel, Material::dirt);
  const double trees = area.along() * area.across() * rng_.uniform(0.004, 0.02);
  for (int i = 0; i < trees; ++i)
    place_tree(rng_.uniform(area.u0, area.u1), rng_.uniform(area.v0, area.v1), rng_.uniform(3, 9));
  for (double people = options_.density * rng_.uniform(2, 16); people > 0; --people) {
    const bool along = rng_.chance(0.5);
    const double u = along ? rng_.uniform(area.u0, area.u1) : path_u,
                 v = along ? path_v : rng_.uniform(area.v0, area.v1);
    if (rng_.chance(0.1)) {
      if (visible({u, v}, 2)) place_vehicle(Kind::bicycle, u, v, along ? 0 : CV_PI / 2);
    } else {
      place_person(u + rng_.normal(0, 0.9), v + rng_.normal(0, 0.9));
    }
  }
}

void Town::plaza(const Area& area) {
  patch(area, vary({158, 150, 140}, 12), Material::paving);
  const Vec3 joint = vary({138, 130, 122}, 6);
  for (double u = area.u0; u < area.u1; u += 5) patch({u, u + 0.25, area.v0, area.v1}, joint, Material::paving);
  for (double v = area.v0; v < area.v1; v += 5) patch({area.u0, area.u1, v, v + 0.25}, joint, Material::paving);
  const double crowd =
      options_.density * area.along() * area.across() * (rng_.chance(0.2) ? 0.09 : rng_.uniform(0.008, 0.035));
  const Vec2 middle(rng_.uniform(area.u0, area.u1), rng_.uniform(area.v0, area.v1));
  for (int i = 0; i < crowd; ++i) {
    const bool gathered = rng_.chance(0.4);
    const double u = gathered ? middle[0] + rng_.normal(0, 4) : rng_.uniform(area.u0, area.u1);
    const double v = gathered ? middle[1] + rng_.normal(0, 4) : rng_.uniform(area.v0, area.v1);
    if (u < area.u0 || u > area.u1 || v < area.v0 || v > area.v1) continue;
    place_person(u, v);
  }
  for (int64_t stalls = rng_.index(9); stalls > 0; --stalls) {
    const double u = rng_.uniform(area.u0 + 2, area.u1 - 2), v = rng_.uniform(area.v0 + 2, area.v1 - 2),
                 side = rng_.uniform(2.2, 4);
    if (visible({u, v}, 6))
      place(Kind::canopy, u, v, 0, {side, side * rng_.uniform(0.8, 1.3), rng_.uniform(2.3, 2.9)},
            vary(colour_of(kCanopyColours, rng_), 8));
  }
  for (int64_t bikes = rng_.index(7); bikes > 0; --bikes) {
    const double u = rng_.uniform(area.u0, area.u1), v = rng_.uniform(area.v0, area.v1);
    if (visible({u, v}, 2)) place_vehicle(rng_.chance(0.6) ? Kind::bicycle : Kind::motor, u, v, rng_.uniform(0, 6.28));
  }
}

void Town::yard(const Area& area) {
  patch(area, vary({128, 116, 98}, 10), Material::dirt);
  for (double u = area.u0 + 4; u + 4 < area.u1; u += 8) {
    for (double v = area.v0 + 2; v + 2 < area.v1; v += 3.6) {
      if (!visible({u, v}, 9) || rng_.chance(0.35)) continue;
      if (rng_.chance(0.12)) {
        place_vehicle(Kind::truck, u, v, (rng_.chance(0.5) ? 0 : CV_PI) + rng_.normal(0, 0.1));
      } else if (rng_.chance(0.75)) {
        place(Kind::container, u, v, rng_.normal(0, 0.04), {6.05, 2.45, rng_.chance(0.25) ? 5.2 : 2.6},
              vary(colour_of(kContainerColours, rng_), 10));
      }
    }
  }
  for (int64_t people = rng_.index(6); people > 0; --people)
    place_person(rng_.uniform(area.u0, area.u1), rng_.uniform(area.v0, area.v1));
}

/// Far, dense areas are what annotators leave out: sometimes the things of this block get no boxes, and the block is
/// marked.
void Town::maybe_ignore(const Area& area, size_t first_thing) {
  const Vec2 middle = world((area.u0 + area.u1) / 2, (area.v0 + area.v1) / 2);
  const Camera& camera = scene_.camera;
  const double depth = camera.depth({middle[0], middle[1], 0});
  const double side_px = std::max(area.along(), area.across()) * camera.focal_px / std::max(depth, 1.0);
  const bool far = depth > 1.12 * camera.height_m / std::sin(camera.pitch);
  if (side_px > 0.4 * camera.size.width || scene_.ignored.size() >= 2 || !rng_.chance(far ? 0.6 : 0.1)) return;
  for (size_t i = first_thing; i < scene_.things.size(); ++i) scene_.things[i].annotated = false;
  scene_.ignored.push_back(
      {world(area.u0, area.v0), world(area.u1, area.v0), world(area.u1, area.v1), world(area.u0, area.v1)});
}

}  // namespace skylift::synth
