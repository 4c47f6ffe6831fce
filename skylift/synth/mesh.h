// The shapes of things: flat quadrilaterals and balls, in metres.
#pragma once

#include <array>
#include <vector>

#include "skylift/synth/scene.h"

namespace skylift::synth {

struct Face {
  std::array<Vec3, 4> corners;
  Vec3 normal;  ///< outward, unit length
  Vec3 colour;
};

struct Ball {
  Vec3 centre;
  double radius = 0;
  Vec3 colour;  ///< as it is seen: light is included
};

/// Painted in order: faces turned to the camera, then balls.
struct Mesh {
  std::vector<Face> faces;
  std::vector<Ball> balls;
};

Mesh mesh_of(const Thing& thing, const Light& light);

/// Points whose hull on the ground is the thing's shadow, apart from the ball-shaped parts.
struct ShadowCaster {
  std::vector<Vec3> points;
  std::vector<Ball> balls;
};
ShadowCaster shadow_caster(const Thing& thing);

}  // namespace skylift::synth
