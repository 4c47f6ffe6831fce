#include "skylift/annotations/shapes.h"

#include <algorithm>
#include <cmath>

namespace skylift {

BoxXywh box_around(std::span<const double> points) {
  double left = points[0], right = left, top = points[1], bottom = top;
  for (size_t i = 2; i + 1 < points.size(); i += 2) {
    left = std::min(left, points[i]);
    right = std::max(right, points[i]);
    top = std::min(top, points[i + 1]);
    bottom = std::max(bottom, points[i + 1]);
  }
  return {left, top, right - left, bottom - top};
}

BoxXywh box_around_turned(const BoxXywh& box, double radians) {
  const double cosine = std::abs(std::cos(radians)), sine = std::abs(std::sin(radians));
  const double w = box.w * cosine + box.h * sine, h = box.w * sine + box.h * cosine;
  return {box.x + (box.w - w) / 2, box.y + (box.h - h) / 2, w, h};
}

}  // namespace skylift
