// Roads of the synthetic town: surface, markings, crossings, traffic and walkers.
#include <algorithm>
#include <array>

#include "skylift/synth/layout.h"

namespace skylift::synth {
namespace {

constexpr std::array<double, 2> kSides = {-1, 1};

Kind traffic_kind(bool kerb_lane, Rng& rng) {
  const double what = rng.uniform();
  if (kerb_lane && what < 0.2) return rng.chance(0.65) ? Kind::motor : Kind::bicycle;
  const double vehicle = rng.uniform();
  return vehicle < 0.76 ? Kind::car : vehicle < 0.88 ? Kind::van : vehicle < 0.95 ? Kind::truck : Kind::bus;
}

}  // namespace

/// The strip of a road between two distances along it and two across it (left positive).
Area Town::road_area(const Road& road, double from, double to, double near, double far) const {
  if (road.along_u) return {from, to, road.middle + near, road.middle + far};
  return {road.middle + near, road.middle + far, from, to};
}

void Town::pave_roads() {
  const Vec3 walk = vary({150, 146, 138}, 10), asphalt = vary({92, 92, 94}, 12);
  for (const auto& road : roads_) {
    const double edge = half_width(road) + kWalk;
    patch(road_area(road, -reach_, reach_, -edge, edge), walk, Material::paving);
  }
  for (const auto& road : roads_) {
    const double edge = half_width(road);
    patch(road_area(road, -reach_, reach_, -edge, edge), asphalt, Material::asphalt);
    for (int lane = -road.lanes; lane < road.lanes; ++lane) {  // wheels leave darker tracks
      for (const double track : {0.28, 0.72}) {
        const double at = (lane + track) * kLane;
        patch(road_area(road, -reach_, reach_, at - 0.3, at + 0.3), asphalt * 0.94, Material::asphalt);
      }
    }
    for (int repair = 0; repair < 14; ++repair) {
      const double from = rng_.uniform(-reach_, reach_), near = rng_.uniform(-edge, edge - 2);
      patch(road_area(road, from, from + rng_.uniform(1, 9), near, near + rng_.uniform(0.6, 2.5)),
            asphalt * rng_.uniform(0.82, 1.12), Material::asphalt);
    }
    if (road.marked) mark_road(road);
  }
  for (const auto& a : roads_) {
    for (const auto& b : roads_) {
      if (!a.along_u || b.along_u || !visible({b.middle, a.middle}, 30)) continue;
      const double edge_a = half_width(a), edge_b = half_width(b);
      patch({b.middle - edge_b, b.middle + edge_b, a.middle - edge_a, a.middle + edge_a}, asphalt, Material::asphalt);
      if (a.lanes + b.lanes > 2) mark_crossing(a, b), mark_crossing(b, a);
    }
  }
}

void Town::mark_road(const Road& road) {
  const Vec3 white = vary({205, 205, 200}, 10), yellow = vary({205, 165, 60}, 10);
  const double edge = half_width(road) - 0.35, width = 0.17;
  const auto line = [&](double at, const Vec3& colour) {
    patch(road_area(road, -reach_, reach_, at - width / 2, at + width / 2), colour, Material::paint);
  };
  for (const double side : kSides) line(side * edge, white);
  if (road.lanes > 1) {
    for (const double side : kSides) line(side * 0.2, yellow);
  }
  for (int lane = 1 - road.lanes; lane < road.lanes; ++lane) {
    if (lane == 0 && road.lanes > 1) continue;
    for (double from = -reach_; from < reach_; from += 9) {
      const Area dash = road_area(road, from, from + 3.2, lane * kLane - width / 2, lane * kLane + width / 2);
      if (visible({dash.u0, dash.v0}, 5)) patch(dash, white, Material::paint);
    }
  }
}

/// Zebra stripes and stop lines on `road` on both sides of its crossing with `other`.
void Town::mark_crossing(const Road& road, const Road& other) {
  const Vec3 white = vary({208, 208, 204}, 10);
  const double edge = half_width(road) - 0.5;
  for (const double side : kSides) {
    const double near = other.middle + side * (half_width(other) + 0.8), far = near + side * 3.2;
    const double from = std::min(near, far), to = std::max(near, far);
    for (double at = -edge; at < edge; at += 1.1)
      patch(road_area(road, from, to, at, at + 0.55), white, Material::paint);
    const double stop = far + side * 1.2;
    patch(road_area(road, stop - 0.18, stop + 0.18, side > 0 ? 0 : -edge, side > 0 ? edge : 0), white, Material::paint);
    for (int64_t people = rng_.index(1 + static_cast<int64_t>(6 * traffic_)); people > 0; --people) {
      const Area zebra = road_area(road, from, to, -edge, edge);
      place_person(rng_.uniform(zebra.u0, zebra.u1), rng_.uniform(zebra.v0, zebra.v1));
    }
  }
}

void Town::drive(const Road& road) {
  for (int lane = 0; lane < road.lanes; ++lane) {
    for (const int direction : {-1, 1}) drive_lane(road, lane, direction);
  }
}

void Town::drive_lane(const Road& road, int lane, int direction) {
  // Right-hand traffic: whoever drives along +u has the lanes at negative v.
  const double side = road.along_u ? -direction : direction;
  const double heading = (road.along_u ? 0 : CV_PI / 2) + (direction < 0 ? CV_PI : 0);
  const double mean_gap = rng_.chance(0.25) ? 2.5 : rng_.uniform(9, 32) / std::max(traffic_, 0.05);
  const bool kerb = lane == road.lanes - 1;
  for (double at = -reach_ - rng_.uniform(0, 20); at < reach_;) {
    const Kind kind = traffic_kind(kerb, rng_);
    const bool narrow = kind == Kind::motor || kind == Kind::bicycle;
    const double across = side * ((lane + 0.5) * kLane + (narrow ? 0.9 : rng_.normal(0, 0.18)));
    const double length = kind == Kind::bus     ? 12
                          : kind == Kind::truck ? 10
                          : kind == Kind::van   ? 5.8
                          : narrow              ? 2.3
                                                : 4.9;
    const Area spot = road_area(road, at + length / 2, at + length / 2, across, across);
    const bool crossing = std::ranges::any_of(roads_, [&](const Road& other) {
      return other.along_u != road.along_u && std::abs(at + length / 2 - other.middle) < half_width(other) + 5;
    });
    if (visible({spot.u0, spot.v0}, 8) && !(crossing && rng_.chance(0.75))) {
      place_vehicle(kind, spot.u0, spot.v0, heading + rng_.normal(0, crossing ? 0.12 : 0.025));
    }
    at += length + 1.2 - mean_gap * std::log(1 - rng_.uniform());
  }
}

void Town::walk_along(const Road& road) {
  const double edge = half_width(road);
  const bool parked = road.lanes == 1 && rng_.chance(0.7), trees = rng_.chance(0.7), poles = rng_.chance(0.6);
  for (const double side : kSides) {
    for (double at = -reach_; at < reach_; at += rng_.uniform(4.8, 7.5)) {
      const bool crossing = std::ranges::any_of(roads_, [&](const Road& other) {
        return other.along_u != road.along_u && std::abs(at - other.middle) < half_width(other) + 7;
      });
      if (crossing) continue;
      const auto spot = [&](double across) { return road_area(road, at, at, side * across, side * across); };
      const Area kerb = spot(edge - 1.05), walk = spot(edge + rng_.uniform(0.5, 2.6)), tree = spot(edge + 1.1);
      const double heading = (road.along_u ? 0 : CV_PI / 2) + (rng_.chance(0.5) ? CV_PI : 0);
      if (parked && rng_.chance(0.5 * traffic_) && visible({kerb.u0, kerb.v0}, 4)) {
        place_vehicle(rng_.chance(0.85) ? Kind::car : Kind::van, kerb.u0, kerb.v0, heading + rng_.normal(0, 0.03));
      }
      if (rng_.chance(0.3 * traffic_)) place_person(walk.u0, walk.v0);
      if (trees && rng_.chance(0.3)) place_tree(tree.u0, tree.v0, rng_.uniform(3, 6.5));
      if (poles && rng_.chance(0.12) && visible({tree.u0, tree.v0}, 9)) {
        place(Kind::pole, tree.u0, tree.v0, heading, {1.8, 0.22, 7.5}, {150, 152, 154});
      }
    }
  }
}

/// A bridge over everything, with traffic of its own: what is below it is hidden.
void Town::add_overpass() {
  const double angle = rng_.uniform(0.2, CV_PI - 0.2), shift = rng_.uniform(-0.3, 0.3) * reach_,
               width = rng_.chance(0.5) ? 9.0 : 13.0;
  const Frame along{{-shift * std::sin(angle), shift * std::cos(angle)}, angle};
  const double top = 6.8;
  const auto across = [&](const Thing& thing) {
    const Vec2 offset = thing.frame.at - world(along.at[0], along.at[1]);
    const double direction = frame_.heading + angle;
    return std::abs(offset[1] * std::cos(direction) - offset[0] * std::sin(direction));
  };
  std::erase_if(scene_.things, [&](const Thing& thing) {
    const bool tall = thing.kind >= Kind::tree;
    return tall && across(thing) < width / 2 + std::max(thing.size[0], thing.size[1]) * 0.7 + 1;
  });
  place(Kind::deck, along.at[0], along.at[1], angle, {2.4 * reach_, width, 1.3}, vary({150, 149, 146}, 8)).base_m =
      top - 1.3;
  for (const int direction : {-1, 1}) {
    for (double at = -1.1 * reach_; at < 1.1 * reach_;
         at += 5.5 - 14 / std::max(traffic_, 0.05) * std::log(1 - rng_.uniform())) {
      const Vec2 spot = along.to_world(at, -direction * width / 4);
      if (!visible(spot, 12)) continue;
      Kind kind = traffic_kind(false, rng_);
      if (kind == Kind::bus || kind == Kind::truck) at += 6;
      place_vehicle(kind, spot[0], spot[1], angle + (direction < 0 ? CV_PI : 0)).base_m = top;
    }
  }
}

}  // namespace skylift::synth
