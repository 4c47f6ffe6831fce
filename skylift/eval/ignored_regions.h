// Which boxes the VisDrone-DET toolkit drops because ignored regions cover them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// The toolkit paints the regions into a raster of the image, pixels 1..W and 1..H, both ends of a region included, and
/// looks the covered area of a box up in the raster's integral image. Here the raster's columns and rows are those
/// between region edges, so that an image costs kilobytes instead of megabytes; every count is the same.
class IgnoredRegions {
 public:
  /// Sizes must be known (> 0).
  IgnoredRegions(std::span<const BoxXywh> regions, int width, int height);

  /// Half of the box or more is covered. As in the toolkit: the box is rounded, its first row and column are left out
  /// of the covered area, and its own area is not clipped to the image.
  bool covers(const BoxXywh& box) const;

 private:
  /// Painted pixels with 1 <= column <= x and 1 <= row <= y.
  int64_t painted_up_to(int64_t x, int64_t y) const;
  int64_t at(size_t row, size_t column) const { return prefix_[row * columns_.size() + column]; }

  int width_, height_;
  std::vector<int64_t> columns_, rows_;  // 0, the edges of regions, W or H; ascending, each once
  std::vector<int64_t> prefix_;          // [rows, columns] painted_up_to at each edge
};

}  // namespace skylift
