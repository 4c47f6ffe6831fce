// The scene of the ATSS and VLR golden values: a 128x128 map with strides 8..64 (340 points) and three boxes. The
// values were computed in plain Python, in double precision, from the formulas.
#pragma once

#include <torch/torch.h>

#include "skylift/assign/atss.h"

namespace skylift::testing {

inline Targets make_targets(const std::vector<float>& boxes_xyxy, const std::vector<int64_t>& labels,
                            const std::vector<float>& ignored = {}) {
  return {torch::tensor(boxes_xyxy).view({-1, 4}), torch::tensor(labels, at::kLong),
          torch::tensor(ignored).view({-1, 4})};
}

inline ImageGeometry content(int height, int width) {
  ImageGeometry geometry;
  geometry.content_height = geometry.original_height = height;
  geometry.content_width = geometry.original_width = width;
  return geometry;
}

struct GoldenScene {
  PointGrid grid = make_point_grid({{16, 16}, {8, 8}, {4, 4}, {2, 2}}, {8, 16, 32, 64}, at::kCPU);
  ImageGeometry geometry = content(128, 128);
  Targets targets = make_targets({10, 10, 30, 34, 33, 41, 37, 44, 20, 16, 124, 112}, {0, 1, 2});
};

}  // namespace skylift::testing
