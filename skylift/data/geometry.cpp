#include "skylift/data/geometry.h"

#include <algorithm>

namespace skylift {
namespace {

BoxXyxy mirrored(const BoxXyxy& box, float width) { return {width - box.x2, box.y1, width - box.x1, box.y2}; }

}  // namespace

BoxXyxy to_original(const ImageGeometry& geometry, const BoxXyxy& box) {
  const BoxXyxy upright = geometry.flipped ? mirrored(box, static_cast<float>(geometry.content_width)) : box;
  const auto x = [&](float value) { return static_cast<float>((value + geometry.offset_x) / geometry.scale_x); };
  const auto y = [&](float value) { return static_cast<float>((value + geometry.offset_y) / geometry.scale_y); };
  return {x(upright.x1), y(upright.y1), x(upright.x2), y(upright.y2)};
}

BoxXyxy from_original(const ImageGeometry& geometry, const BoxXyxy& box) {
  const auto x = [&](float value) { return static_cast<float>(value * geometry.scale_x - geometry.offset_x); };
  const auto y = [&](float value) { return static_cast<float>(value * geometry.scale_y - geometry.offset_y); };
  const BoxXyxy upright{x(box.x1), y(box.y1), x(box.x2), y(box.y2)};
  return geometry.flipped ? mirrored(upright, static_cast<float>(geometry.content_width)) : upright;
}

BoxXyxy clip(const BoxXyxy& box, float width, float height) {
  return {std::clamp(box.x1, 0.F, width), std::clamp(box.y1, 0.F, height), std::clamp(box.x2, 0.F, width),
          std::clamp(box.y2, 0.F, height)};
}

}  // namespace skylift
