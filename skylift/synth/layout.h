// Where things stand: a rotated grid of roads with traffic, and blocks between them. For synth_layout.cpp,
// synth_traffic.cpp and synth_blocks.cpp only.
#pragma once

#include <vector>

#include "skylift/synth/scene.h"

namespace skylift::synth {

/// A rectangle in the town's frame (u along the main roads, v across).
struct Area {
  double u0 = 0, u1 = 0, v0 = 0, v1 = 0;
  double along() const { return u1 - u0; }
  double across() const { return v1 - v0; }
  Area inset(double margin) const { return {u0 + margin, u1 - margin, v0 + margin, v1 - margin}; }
};

struct Road {
  bool along_u = true;
  double middle = 0;  ///< v of a road along u, u of one along v
  int lanes = 1;      ///< in each direction
  bool marked = true;
};

constexpr double kLane = 3.3, kWalk = 3.0;  // m
inline double half_width(const Road& road) { return road.lanes * kLane + 0.4; }

class Town {
 public:
  Town(Scene& scene, const SynthOptions& options, Rng& rng);
  void build();

 private:
  // synth_layout.cpp
  void choose_roads();
  std::vector<Area> blocks() const;
  void fill_block(const Area& block);
  bool visible(const Vec2& town, double margin_m) const;
  bool visible(const Area& area) const;
  Vec2 world(double u, double v) const { return frame_.to_world(u, v); }
  void patch(const Area& area, const Vec3& colour, Material material);
  Thing& place(Kind kind, double u, double v, double heading, const Vec3& size, const Vec3& colour);
  Thing& place_vehicle(Kind kind, double u, double v, double heading);
  void place_person(double u, double v);
  void place_tree(double u, double v, double diameter);
  Vec3 vary(const Vec3& colour, double deviation);

  // synth_traffic.cpp
  void pave_roads();
  void mark_road(const Road& road);
  void mark_crossing(const Road& a, const Road& b);
  void drive(const Road& road);
  void drive_lane(const Road& road, int lane, int direction);
  void walk_along(const Road& road);
  void add_overpass();
  Area road_area(const Road& road, double from, double to, double near, double far) const;

  // synth_blocks.cpp
  void parking(const Area& area);
  void parking_row(const Area& area, double v, double depth, double fill);
  void houses(const Area& area);
  void office(const Area& area);
  void park(const Area& area);
  void plaza(const Area& area);
  void yard(const Area& area);
  void maybe_ignore(const Area& area, size_t first_thing);

  Scene& scene_;
  const SynthOptions& options_;
  Rng& rng_;
  Frame frame_;
  double reach_ = 100;  ///< m; half the side of the square in which things are placed
  double traffic_ = 1;
  std::vector<Road> roads_;
};

}  // namespace skylift::synth
