// The upright boxes around what is no upright box: polygons and turned rectangles.
#pragma once

#include <span>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Around points x1, y1, x2, y2, ...; there is at least one.
BoxXywh box_around(std::span<const double> points);

/// Around a box that is turned about its centre.
BoxXywh box_around_turned(const BoxXywh& box, double radians);

}  // namespace skylift
