#include "skylift/assign/grid_cells.h"

#include <algorithm>
#include <cmath>

namespace skylift {
namespace {

/// Cells 0..count-1 whose coordinate cell * stride is in [low, high], as [begin, end).
std::pair<int64_t, int64_t> cells_between(double low, double high, int stride, int64_t begin, int64_t end) {
  // Clamped before the conversion: a far away box must not overflow an integer.
  const double first = std::clamp(std::ceil(low / stride), static_cast<double>(begin), static_cast<double>(end));
  const double last = std::clamp(std::floor(high / stride) + 1, static_cast<double>(begin), static_cast<double>(end));
  return {static_cast<int64_t>(first), static_cast<int64_t>(last)};
}

}  // namespace

GridPosition position_of(const PointGrid& grid, int64_t point) {
  size_t index = grid.levels.size() - 1;
  while (grid.levels[index].offset > point) --index;
  const GridLevel& level = grid.levels[index];
  const int64_t cell = point - level.offset;
  return {static_cast<double>(cell % level.width * level.stride),
          static_cast<double>(cell / level.width * level.stride)};
}

CellBlock content_block(const GridLevel& level, const ImageGeometry& geometry) {
  const auto cells = [&](int64_t length, int64_t limit) {
    return std::min(limit, (length + level.stride - 1) / level.stride);
  };
  return {0, cells(geometry.content_height, level.height), 0, cells(geometry.content_width, level.width)};
}

CellBlock block_inside(const GridLevel& level, const CellBlock& block, const BoxXyxy& box) {
  const auto [row_begin, row_end] = cells_between(box.y1, box.y2, level.stride, block.row_begin, block.row_end);
  const auto [column_begin, column_end] =
      cells_between(box.x1, box.x2, level.stride, block.column_begin, block.column_end);
  return {row_begin, row_end, column_begin, column_end};
}

std::vector<float> content_mask(const PointGrid& grid, const ImageGeometry& geometry,
                                const std::vector<BoxXyxy>& ignored) {
  std::vector<float> mask(grid.count(), 0);
  for (const GridLevel& level : grid.levels) {
    const CellBlock content = content_block(level, geometry);
    for_each_point(level, content, [&](int64_t point) { mask[point] = 1; });
    for (const BoxXyxy& region : ignored) {
      for_each_point(level, block_inside(level, content, region), [&](int64_t point) { mask[point] = 0; });
    }
  }
  return mask;
}

std::vector<BoxXyxy> to_boxes(const at::Tensor& boxes_xyxy) {
  if (!boxes_xyxy.defined() || boxes_xyxy.numel() == 0) return {};
  const at::Tensor values = boxes_xyxy.detach().to(at::kCPU, at::kFloat).contiguous();
  const float* v = values.const_data_ptr<float>();
  std::vector<BoxXyxy> boxes;
  for (int64_t i = 0; i < values.size(0); ++i, v += 4) boxes.push_back({v[0], v[1], v[2], v[3]});
  return boxes;
}

}  // namespace skylift
