// The candidates of one object without sorting all points: they lie in the columns and rows nearest to its centre.
#include <algorithm>
#include <cmath>

#include "skylift/assign/atss.h"
#include "skylift/assign/grid_cells.h"

namespace skylift {
namespace {

/// The `count` cells of 0..end-1 nearest to `centre` (in cells), by rising distance, the lower first of equals.
std::vector<int64_t> nearest_cells(double centre, int64_t end, int count) {
  int64_t right = static_cast<int64_t>(std::clamp(std::ceil(centre), 0.0, static_cast<double>(end)));
  int64_t left = right - 1;
  std::vector<int64_t> cells;
  cells.reserve(static_cast<size_t>(count));
  while (static_cast<int>(cells.size()) < count && (left >= 0 || right < end)) {
    const bool take_left = right >= end || (left >= 0 && centre - left <= right - centre);
    cells.push_back(take_left ? left-- : right++);
  }
  return cells;
}

struct NearPoint {
  int64_t point;
  GridPosition position;
  double squared;  // distance, in cells
};

/// The nearest points of one level. A point in the i-th nearest column and j-th nearest row has at least i * j points
/// (itself among them) that are not further away, so only i * j <= count can be among the nearest `count`.
std::vector<NearPoint> nearest_points(const GridLevel& level, const CellBlock& content, double x, double y, int count) {
  const double centre_x = x / level.stride, centre_y = y / level.stride;
  const std::vector<int64_t> columns = nearest_cells(centre_x, content.column_end, count);
  const std::vector<int64_t> rows = nearest_cells(centre_y, content.row_end, count);
  std::vector<NearPoint> points;
  for (size_t j = 0; j < rows.size(); ++j) {
    for (size_t i = 0; i < columns.size() && (i + 1) * (j + 1) <= static_cast<size_t>(count); ++i) {
      const double dx = centre_x - columns[i], dy = centre_y - rows[j];
      const GridPosition position{static_cast<double>(columns[i] * level.stride),
                                  static_cast<double>(rows[j] * level.stride)};
      points.push_back({level.offset + rows[j] * level.width + columns[i], position, dx * dx + dy * dy});
    }
  }
  const size_t wanted = std::min(points.size(), static_cast<size_t>(count));
  std::partial_sort(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(wanted), points.end(),
                    [](const NearPoint& a, const NearPoint& b) {
                      return a.squared != b.squared ? a.squared < b.squared : a.point < b.point;
                    });
  points.resize(wanted);
  return points;
}

double anchor_iou(const GridPosition& centre, double half_side, const BoxXyxy& box) {
  const double width = std::min<double>(centre.x + half_side, box.x2) - std::max<double>(centre.x - half_side, box.x1);
  const double height = std::min<double>(centre.y + half_side, box.y2) - std::max<double>(centre.y - half_side, box.y1);
  const double intersection = std::max(width, 0.0) * std::max(height, 0.0);
  const double box_area = static_cast<double>(box.width()) * box.height();
  return intersection / std::max(4 * half_side * half_side + box_area - intersection, 1e-6);
}

double mean_plus_deviation(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = values.empty() ? 0 : sum / values.size();
  for (const double value : values) squares += (value - mean) * (value - mean);
  return values.size() < 2 ? mean : mean + std::sqrt(squares / (values.size() - 1));
}

}  // namespace

AtssCandidates atss_candidates(const PointGrid& grid, const ImageGeometry& geometry, const BoxXyxy& box,
                               const AtssOptions& options) {
  AtssCandidates candidates;
  const size_t most = grid.levels.size() * static_cast<size_t>(options.candidates);
  candidates.points.reserve(most), candidates.distances.reserve(most), candidates.ious.reserve(most);
  const double x = (static_cast<double>(box.x1) + box.x2) / 2, y = (static_cast<double>(box.y1) + box.y2) / 2;
  for (const GridLevel& level : grid.levels) {
    for (const NearPoint& near : nearest_points(level, content_block(level, geometry), x, y, options.candidates)) {
      candidates.points.push_back(near.point);
      candidates.distances.push_back(std::sqrt(near.squared) * level.stride);
      candidates.ious.push_back(anchor_iou(near.position, options.anchor_scale * level.stride / 2, box));
    }
  }
  candidates.threshold = mean_plus_deviation(candidates.ious);
  return candidates;
}

}  // namespace skylift
