// Boxes between the original image and the transformed one.
#pragma once

#include <opencv2/core/types.hpp>

#include "skylift/data/sample.h"

namespace skylift {

/// A box of the transformed image in pixels of the original; not clipped.
BoxXyxy to_original(const ImageGeometry& geometry, const BoxXyxy& box);

/// The inverse of to_original; not clipped.
BoxXyxy from_original(const ImageGeometry& geometry, const BoxXyxy& box);

/// The part inside 0..width x 0..height; it has no area if nothing is.
BoxXyxy clip(const BoxXyxy& box, float width, float height);

inline bool has_area(const BoxXyxy& box) { return box.width() > 0 && box.height() > 0; }
inline double area(const BoxXyxy& box) { return has_area(box) ? double{box.width()} * box.height() : 0; }
inline cv::Rect2f to_rect(const BoxXyxy& box) { return {box.x1, box.y1, box.width(), box.height()}; }

}  // namespace skylift
