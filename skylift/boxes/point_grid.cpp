#include "skylift/boxes/point_grid.h"

#include <ATen/Functions.h>

namespace skylift {

PointGrid make_point_grid(const std::vector<std::pair<int64_t, int64_t>>& sizes, const std::vector<int>& strides,
                          c10::Device device) {
  PointGrid grid;
  std::vector<at::Tensor> centres, level_strides;
  int64_t offset = 0;
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  for (size_t level = 0; level < sizes.size(); ++level) {
    const auto [height, width] = sizes[level];
    const int stride = strides[level];
    grid.levels.push_back({stride, height, width, offset});
    offset += height * width;
    const at::Tensor y = (at::arange(height, options) * stride).view({height, 1}).expand({height, width});
    const at::Tensor x = (at::arange(width, options) * stride).view({1, width}).expand({height, width});
    centres.push_back(at::stack({x, y}, 2).view({-1, 2}));
    level_strides.push_back(at::full({height * width}, stride, options));
  }
  grid.centres = at::cat(centres);
  grid.strides = at::cat(level_strides);
  return grid;
}

at::Tensor levels_of_points(const PointGrid& grid, const at::Tensor& points) {
  at::Tensor level = at::zeros_like(points);
  for (const GridLevel& each : grid.levels) level += points.ge(each.offset + each.count());
  return level;
}

at::Tensor points_on_content(const PointGrid& grid, int64_t content_height, int64_t content_width) {
  // A centre at row * stride lies on the first ceil(height / stride) rows exactly when it is below the height.
  const at::Tensor x = grid.centres.select(1, 0), y = grid.centres.select(1, 1);
  return x.lt(static_cast<double>(content_width)).logical_and(y.lt(static_cast<double>(content_height)));
}

}  // namespace skylift
