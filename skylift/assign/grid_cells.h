// A PointGrid by arithmetic, without touching its tensors: what loops on the CPU need.
#pragma once

#include <cstdint>
#include <vector>

#include "skylift/boxes/point_grid.h"
#include "skylift/data/sample.h"

namespace skylift {

/// Where a point is, px.
struct GridPosition {
  double x = 0, y = 0;
};
GridPosition position_of(const PointGrid& grid, int64_t point);

/// A block of cells of one level: rows row_begin..row_end-1, likewise columns.
struct CellBlock {
  int64_t row_begin = 0, row_end = 0, column_begin = 0, column_end = 0;
  bool empty() const { return row_begin >= row_end || column_begin >= column_end; }
};

/// The cells of a level whose points lie on an image's content (the rest is padding).
CellBlock content_block(const GridLevel& level, const ImageGeometry& geometry);

/// Of these cells the ones whose points lie in a box, sides included.
CellBlock block_inside(const GridLevel& level, const CellBlock& block, const BoxXyxy& box);

/// Calls body(point) for each point of a block, by rising index.
template <class Body>
void for_each_point(const GridLevel& level, const CellBlock& block, const Body& body) {
  for (int64_t row = block.row_begin; row < block.row_end; ++row) {
    for (int64_t column = block.column_begin; column < block.column_end; ++column)
      body(level.offset + row * level.width + column);
  }
}

/// [A]: 1 on the image's content outside the ignored regions, 0 elsewhere.
std::vector<float> content_mask(const PointGrid& grid, const ImageGeometry& geometry,
                                const std::vector<BoxXyxy>& ignored);

/// [N,4] on any device -> N boxes.
std::vector<BoxXyxy> to_boxes(const at::Tensor& boxes_xyxy);

}  // namespace skylift
