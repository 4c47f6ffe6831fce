#include "skylift/kd/region.h"

#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include "skylift/dist/processes.h"

namespace skylift {

std::vector<at::Tensor> region_maps(const Region& region, const PointGrid& grid, int64_t images) {
  at::Tensor flat = at::zeros({images, grid.count()}, region.weights.options());
  flat.index_put_({region.image, region.point}, region.weights, /*accumulate=*/true);
  std::vector<at::Tensor> maps;
  for (const GridLevel& level : grid.levels) {
    maps.push_back(flat.narrow(1, level.offset, level.count()).reshape({images, 1, level.height, level.width}));
  }
  return maps;
}

at::Tensor weighted_mean(const at::Tensor& losses, const at::Tensor& weights) {
  return (losses * weights).sum() / sum_over_processes(weights.sum()).clamp_min(1e-12);
}

}  // namespace skylift
