#include "skylift/teachers/sparse_maps.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "skylift/boxes/point_grid.h"

namespace skylift {
namespace {

constexpr double kAnchorSides = 8;   // strides
constexpr double kLeastStrides = 2;  // of a box's side, where centerness is measured

double fit(const BoxXyxy& box, size_t level, const std::vector<int>& strides) {
  const double side = std::sqrt(std::max(1.0, double{box.width()} * box.height()));
  const double octaves = std::log2(side / (kAnchorSides * strides[level]));
  if (level == 0 && octaves < 0) return 1;
  if (level + 1 == strides.size() && octaves > 0) return 1;
  return std::max(0.0, 1 - std::abs(octaves));
}

/// sqrt(min / max) of the distances to opposite sides, of one axis; 0 outside.
double centred(double at, double low, double high, double least) {
  const double missing = std::max(0.0, least - (high - low)) / 2;
  const double before = at - (low - missing), after = high + missing - at;
  return before > 0 && after > 0 ? std::sqrt(std::min(before, after) / std::max(before, after)) : 0;
}

/// A level's cells, and what stands in one image's maps there.
struct LevelMaps {
  int stride = 8;
  int64_t rows = 0, columns = 0;
  float* scores = nullptr;  // [C,rows,columns]
  float* boxes = nullptr;   // [4,rows,columns]
  std::vector<float> best;  // of each cell, over the classes

  void write(int64_t cell, const SparseBox& found, float value) {
    const int64_t cells = rows * columns;
    float& score = scores[found.label * cells + cell];
    score = std::max(score, value);
    if (value <= best[static_cast<size_t>(cell)]) return;
    best[static_cast<size_t>(cell)] = value;
    const float corners[] = {found.box.x1, found.box.y1, found.box.x2, found.box.y2};
    for (int64_t side = 0; side < 4; ++side) boxes[side * cells + cell] = corners[side];
  }
};

/// A cell that a box speaks at.
struct Said {
  size_t level = 0;
  int64_t cell = 0;
  double weight = 0;
};

/// Rows or columns that an extent reaches.
std::pair<int64_t, int64_t> reach(double low, double high, int stride, int64_t count) {
  const double missing = std::max(0.0, kLeastStrides * stride - (high - low)) / 2;
  const auto cell = [&](double at) { return static_cast<int64_t>(std::clamp(at / stride, -1.0, 1e6)); };
  return {std::max<int64_t>(cell(low - missing), 0), std::min(cell(high + missing) + 1, count - 1)};
}

std::vector<Said> cells_of(const SparseBox& found, const std::vector<LevelMaps>& levels,
                           const std::vector<int>& strides) {
  std::vector<Said> all;
  for (size_t level = 0; level < levels.size(); ++level) {
    const LevelMaps& maps = levels[level];
    const double fits = fit(found.box, level, strides), least = kLeastStrides * maps.stride;
    if (!(fits > 0)) continue;
    const auto [top, bottom] = reach(found.box.y1, found.box.y2, maps.stride, maps.rows);
    const auto [left, right] = reach(found.box.x1, found.box.x2, maps.stride, maps.columns);
    for (int64_t row = top; row <= bottom; ++row) {
      const double down = centred(static_cast<double>(row) * maps.stride, found.box.y1, found.box.y2, least);
      for (int64_t column = left; column <= right; ++column) {
        const double across = centred(static_cast<double>(column) * maps.stride, found.box.x1, found.box.x2, least);
        if (down * across > 0) all.push_back({level, row * maps.columns + column, fits * down * across});
      }
    }
  }
  return all;
}

void add(const SparseBox& found, std::vector<LevelMaps>& levels, const std::vector<int>& strides) {
  const std::vector<Said> all = cells_of(found, levels, strides);
  double best = 0;
  for (const Said& said : all) best = std::max(best, said.weight);
  for (const Said& said : all)
    levels[said.level].write(said.cell, found, static_cast<float>(found.score * said.weight / best));
}

}  // namespace

DecodedMaps sparse_maps(const std::vector<std::vector<SparseBox>>& images, const std::vector<int>& strides,
                        int64_t height, int64_t width, int64_t classes) {
  DecodedMaps maps;
  maps.strides = strides;
  const auto count = static_cast<int64_t>(images.size());
  for (const int stride : strides) {
    const auto [rows, columns] = level_size(height, width, stride);
    maps.scores.push_back(at::zeros({count, classes, rows, columns}, at::kFloat));
    maps.boxes.push_back(at::zeros({count, 4, rows, columns}, at::kFloat));
  }
  for (int64_t b = 0; b < count; ++b) {
    std::vector<LevelMaps> levels;
    for (size_t i = 0; i < strides.size(); ++i) {
      const at::Tensor scores = maps.scores[i][b], boxes = maps.boxes[i][b];
      const int64_t rows = scores.size(1), columns = scores.size(2);
      levels.push_back({strides[i], rows, columns, scores.mutable_data_ptr<float>(), boxes.mutable_data_ptr<float>(),
                        std::vector<float>(static_cast<size_t>(rows * columns))});
    }
    for (const SparseBox& found : images[static_cast<size_t>(b)]) add(found, levels, strides);
  }
  for (const at::Tensor& scores : maps.scores)
    maps.known.push_back(scores.amax(1, /*keepdim=*/true).gt(0).to(at::kFloat));
  return maps;
}

}  // namespace skylift
