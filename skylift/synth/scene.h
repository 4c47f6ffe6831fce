// What a synthetic scene consists of, in metres on the ground plane, before anything is painted.
#pragma once

#include <cstdint>
#include <vector>

#include "skylift/core/rng.h"
#include "skylift/synth/camera.h"
#include "skylift/synth/synth.h"

namespace skylift::synth {

/// The first seven are the classes, in the order of synth_classes(); the rest stands in the way or looks like them.
enum class Kind {
  pedestrian,
  bicycle,
  car,
  van,
  truck,
  bus,
  motor,
  tree,
  building,
  house,
  container,
  roof_unit,
  pole,
  canopy,
  deck
};
constexpr int kObjectKinds = 7;
inline bool is_object(Kind kind) { return static_cast<int>(kind) < kObjectKinds; }

struct Thing {
  Kind kind = Kind::car;
  Frame frame;
  Vec3 size;              ///< length, width, height; a tree's are crown diameter (twice) and height
  Vec3 colour;            ///< RGB, 0..255
  uint64_t seed = 0;      ///< of its own details
  double base_m = 0;      ///< height of what it stands on
  bool ridden = true;     ///< two-wheelers: someone is on it
  bool annotated = true;  ///< off inside ignored regions
};

/// How the ground looks: how strongly it varies from place to place and from grain to grain.
enum class Material : uint8_t { grass, asphalt, paving, dirt, paint };

struct Patch {
  std::vector<Vec2> corners;
  Vec3 colour;
  Material material = Material::asphalt;
};

struct Light {
  Vec3 to_sun;          ///< unit vector
  double direct = 0.6;  ///< of the sun, on a face that points to it
  double ambient = 0.5;
  double shadow = 0.5;  ///< how much darker the ground is in shadow
  double haze = 0;      ///< white mixed in at the far edge
  Vec3 tint = {1, 1, 1};
};

struct Scene {
  Camera camera;
  Light light;
  std::vector<Patch> patches;  ///< painted in this order
  std::vector<Thing> things;
  std::vector<std::vector<Vec2>> ignored;  ///< ground polygons in which nothing is annotated
};

/// Draws everything that is random about a scene's content.
Scene lay_out(const SynthOptions& options, Rng& rng);

/// Paints it and finds the boxes.
SynthScene paint(const Scene& scene, Rng& rng);

}  // namespace skylift::synth
