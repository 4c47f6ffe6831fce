// The locations of a dense detector: one per cell of every pyramid level. GFL puts a cell's point at (column * s, row *
// s), without the half-cell offset that FCOS has, and centres one square anchor of side 8 s on it (Li et al. 2020;
// reference values in tests).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace skylift {

/// One pyramid level's place in the flat list of points.
struct GridLevel {
  int stride = 8;                 ///< px
  int64_t height = 0, width = 0;  ///< cells
  int64_t offset = 0;             ///< index of its first point; points run row by row
  int64_t count() const { return height * width; }
};

/// Shapes: A points over all levels, level by level, row by row.
struct PointGrid {
  std::vector<GridLevel> levels;
  at::Tensor centres;  ///< [A,2] float, px (x, y)
  at::Tensor strides;  ///< [A] float, px
  int64_t count() const { return centres.size(0); }
};

/// (rows, columns) of the cells of a level over an image of this many pixels.
inline std::pair<int64_t, int64_t> level_size(int64_t height, int64_t width, int64_t stride) {
  return {(height + stride - 1) / stride, (width + stride - 1) / stride};
}

/// `sizes`: (height, width) of each level's map, finest first.
PointGrid make_point_grid(const std::vector<std::pair<int64_t, int64_t>>& sizes, const std::vector<int>& strides,
                          c10::Device device);

/// [N] int64 indices of points -> [N] int64, the level of each.
at::Tensor levels_of_points(const PointGrid& grid, const at::Tensor& points);

/// [A] bool: points that lie on an image's own content rather than on the padding of its batch: on a level of stride s
/// the first ceil(content_height / s) rows and ceil(content_width / s) columns.
at::Tensor points_on_content(const PointGrid& grid, int64_t content_height, int64_t content_width);

}  // namespace skylift
