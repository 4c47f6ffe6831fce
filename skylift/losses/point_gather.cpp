#include "skylift/losses/point_gather.h"

#include <ATen/Functions.h>

#include "skylift/boxes/boxes.h"
#include "skylift/boxes/in_float.h"

namespace skylift {

namespace {

std::vector<int64_t> counted(const at::Tensor& level_of, size_t levels) {
  const at::Tensor counts = at::bincount(level_of, {}, static_cast<int64_t>(levels)).to(at::kCPU);
  return {counts.const_data_ptr<int64_t>(), counts.const_data_ptr<int64_t>() + levels};
}

}  // namespace

PointGather::PointGather(const PointGrid& grid, const at::Tensor& image, const at::Tensor& point,
                         const std::vector<int64_t>& counts) {
  std::vector<int64_t> ends;
  for (const GridLevel& level : grid.levels) ends.push_back(level.offset + level.count());
  const at::Tensor level_of =
      at::bucketize(point, at::tensor(ends, point.options()), /*out_int32=*/false, /*right=*/true);
  const at::Tensor order = at::argsort(level_of, /*stable=*/true, 0, /*descending=*/false);
  back_ = at::empty_like(order).scatter_(0, order, at::arange(order.size(0), order.options()));
  const std::vector<int64_t> on_level = counts.empty() ? counted(level_of, grid.levels.size()) : counts;
  int64_t begin = 0;
  for (size_t i = 0; i < grid.levels.size(); ++i) {
    const at::Tensor here = order.narrow(0, begin, on_level[i]);
    const at::Tensor cell = point.index_select(0, here) - grid.levels[i].offset;
    rows_.push_back(image.index_select(0, here) * grid.levels[i].count() + cell);
    begin += on_level[i];
  }
}

at::Tensor PointGather::operator()(const std::vector<at::Tensor>& maps,
                                   const std::function<at::Tensor(const at::Tensor& rows)>& reduced) const {
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < rows_.size(); ++i) {
    // A view where the map is channels_last; whole rows are read and, backward, added at once.
    const at::Tensor cells = maps[i].permute({0, 2, 3, 1}).reshape({-1, maps[i].size(1)});
    at::Tensor values = cells.index_select(0, rows_[i]);
    values = in_float(values);
    parts.push_back(reduced ? reduced(values) : values);
  }
  return at::cat(parts).index_select(0, back_);
}

at::Tensor gather_cls_logits(const PointGather& gather, const DenseOutput& output) {
  std::vector<at::Tensor> maps;
  for (const LevelOutput& level : output.levels) maps.push_back(level.cls_logits);
  return gather(maps);
}

namespace {

std::vector<at::Tensor> box_maps(const DenseOutput& output) {
  std::vector<at::Tensor> maps;
  for (const LevelOutput& level : output.levels) maps.push_back(level.box_logits);
  return maps;
}

}  // namespace

at::Tensor gather_box_logits(const PointGather& gather, const DenseOutput& output) {
  return gather(box_maps(output)).view({-1, 4, output.reg_max + 1});
}

at::Tensor gather_distances(const PointGather& gather, const DenseOutput& output) {
  return gather(box_maps(output), [&](const at::Tensor& rows) { return integral(rows, output.reg_max); });
}

}  // namespace skylift
