#include "skylift/eval/ignored_regions.h"

#include <algorithm>
#include <cmath>

namespace skylift {
namespace {

/// A box in whole pixels counted from 1, no value below 1.
struct PixelBox {
  int64_t x, y, w, h;
};

PixelBox to_pixels(const BoxXywh& box) {
  const auto pixel = [](double value) { return static_cast<int64_t>(std::clamp(std::round(value), 1.0, 1e12)); };
  return {pixel(box.x), pixel(box.y), pixel(box.w), pixel(box.h)};
}

size_t index_of(const std::vector<int64_t>& edges, int64_t edge) {
  return static_cast<size_t>(std::lower_bound(edges.begin(), edges.end(), edge) - edges.begin());
}

void sort_edges(std::vector<int64_t>& edges) {
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
}

}  // namespace

IgnoredRegions::IgnoredRegions(std::span<const BoxXywh> regions, int width, int height)
    : width_(width), height_(height), columns_{0, width}, rows_{0, height} {
  struct Painted {
    int64_t left, top, right, bottom;  // edges between pixels: right - left columns
  };
  std::vector<Painted> painted;
  for (const auto& region : regions) {
    const auto [x, y, w, h] = to_pixels(region);
    if (x > width || y > height) continue;
    const Painted rectangle{x - 1, y - 1, std::min<int64_t>(width, x + w), std::min<int64_t>(height, y + h)};
    painted.push_back(rectangle);
    columns_.insert(columns_.end(), {rectangle.left, rectangle.right});
    rows_.insert(rows_.end(), {rectangle.top, rectangle.bottom});
  }
  sort_edges(columns_);
  sort_edges(rows_);
  std::vector<uint8_t> cell(columns_.size() * rows_.size());  // the cell right of and below an edge
  for (const auto& [left, top, right, bottom] : painted) {
    const size_t first = index_of(columns_, left), last = index_of(columns_, right);
    for (size_t row = index_of(rows_, top); row < index_of(rows_, bottom); ++row) {
      std::fill(cell.begin() + row * columns_.size() + first, cell.begin() + row * columns_.size() + last, uint8_t{1});
    }
  }
  prefix_.assign(cell.size(), 0);
  for (size_t row = 1; row < rows_.size(); ++row) {
    for (size_t column = 1; column < columns_.size(); ++column) {
      const int64_t size = (columns_[column] - columns_[column - 1]) * (rows_[row] - rows_[row - 1]);
      prefix_[row * columns_.size() + column] = at(row, column - 1) + at(row - 1, column) - at(row - 1, column - 1) +
                                                (cell[(row - 1) * columns_.size() + column - 1] ? size : 0);
    }
  }
}

int64_t IgnoredRegions::painted_up_to(int64_t x, int64_t y) const {
  // The last edge is W or H, so an edge beyond always exists, or the point is the last edge itself.
  const size_t column = std::min(index_of(columns_, x + 1) - 1, columns_.size() - 2);
  const size_t row = std::min(index_of(rows_, y + 1) - 1, rows_.size() - 2);
  const int64_t x_rest = x - columns_[column], width = columns_[column + 1] - columns_[column];
  const int64_t y_rest = y - rows_[row], height = rows_[row + 1] - rows_[row];
  const int64_t strip_right = at(row, column + 1) - at(row, column);  // a whole number of columns of equal content
  const int64_t strip_below = at(row + 1, column) - at(row, column);
  const int64_t inner = at(row + 1, column + 1) - at(row, column) - strip_right - strip_below;  // 0 or the whole cell
  return at(row, column) + strip_right / width * x_rest + strip_below / height * y_rest +
         (inner > 0 ? x_rest * y_rest : 0);
}

bool IgnoredRegions::covers(const BoxXywh& box) const {
  auto [x, y, w, h] = to_pixels(box);
  x = std::min<int64_t>(x, width_);
  y = std::min<int64_t>(y, height_);
  const int64_t right = std::min<int64_t>(width_, x + w), bottom = std::min<int64_t>(height_, y + h);
  const int64_t covered =
      painted_up_to(x, y) + painted_up_to(right, bottom) - painted_up_to(right, y) - painted_up_to(x, bottom);
  return static_cast<double>(covered) / (static_cast<double>(w) * static_cast<double>(h)) >= 0.5;
}

}  // namespace skylift
