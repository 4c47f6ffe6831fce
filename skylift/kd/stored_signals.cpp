#include "skylift/kd/stored_signals.h"

#include <ATen/Functions.h>
#include <ATen/ops/_unique2.h>

#include "skylift/core/error.h"
#include "skylift/kd/regions.h"

namespace skylift {
namespace {

void check_fits(const SignalEntry& entry, const PointGrid& grid) {
  bool fits = entry.sizes.size() == grid.levels.size();
  for (size_t i = 0; fits && i < grid.levels.size(); ++i) {
    fits = entry.sizes[i].first <= grid.levels[i].height && entry.sizes[i].second <= grid.levels[i].width;
  }
  if (!fits) throw Error("kd.cache: the stored maps of an image are not those of the student's pyramid");
}

bool same_sizes(const SignalEntry& entry, const PointGrid& grid) {
  for (size_t i = 0; i < grid.levels.size(); ++i) {
    if (entry.sizes[i] != std::pair(grid.levels[i].height, grid.levels[i].width)) return false;
  }
  return true;
}

/// Points of an entry's own grid as points of the step's. [N] int32 -> [N] int64
at::Tensor on_grid(const at::Tensor& points, const SignalEntry& entry, const PointGrid& grid) {
  at::Tensor moved = points.to(at::kLong);
  if (same_sizes(entry, grid)) return moved;
  const at::Tensor own = moved.clone();
  int64_t offset = 0;
  for (size_t i = 0; i < grid.levels.size(); ++i) {
    const auto [height, width] = entry.sizes[i];
    const at::Tensor cell = own - offset;
    const at::Tensor here = cell.ge(0).logical_and(cell.lt(height * width));
    const at::Tensor there =
        cell.floor_divide(width) * grid.levels[i].width + cell.remainder(width) + grid.levels[i].offset;
    moved = at::where(here, there, moved);
    offset += height * width;
  }
  return moved;
}

at::Tensor joined(const std::vector<at::Tensor>& parts, c10::Device device) { return at::cat(parts).to(device); }

}  // namespace

StoredSignals::StoredSignals(const StoredBatch& batch, const PointGrid& grid, int reg_max)
    : grid_(grid), images_(static_cast<int64_t>(batch.entries.size())), bins_(reg_max + 1) {
  std::vector<at::Tensor> keys, cls, box, image, point, object, weights, box_weights;
  for (int64_t b = 0; b < images_; ++b) {
    const SignalEntry& entry = batch.entries[static_cast<size_t>(b)];
    check_fits(entry, grid);
    keys.push_back(on_grid(entry.points, entry, grid) + b * grid.count());
    cls.push_back(entry.cls);
    box.push_back(entry.box);
    point.push_back(on_grid(entry.cid_points, entry, grid));
    image.push_back(at::full_like(point.back(), b));
    object.push_back(entry.cid_objects.to(at::kLong));
    weights.push_back(entry.cid_weights);
    box_weights.push_back(entry.cid_box_weights);
  }
  const c10::Device device = grid.centres.device();
  keys_ = joined(keys, device);
  cls_ = joined(cls, device);
  box_ = joined(box, device);
  cid_ = {joined(image, device), joined(point, device), joined(weights, device), joined(box_weights, device),
          joined(object, device)};
}

at::Tensor StoredSignals::rows_of(const Region& region) const {
  const at::Tensor wanted = region.image * grid_.count() + region.point;
  if (wanted.size(0) == 0) return wanted;
  if (keys_.size(0) > 0) {
    const at::Tensor rows = at::searchsorted(keys_, wanted).clamp_max(keys_.size(0) - 1);
    if (keys_.index_select(0, rows).equal(wanted)) return rows;
  }
  throw Error(
      "kd.cache: a location that the methods look at is not stored: the file was made for other options or data (hint: "
      "delete it, and it is made anew)");
}

at::Tensor StoredSignals::cls_logits(const Region& region) const {
  return cls_.index_select(0, rows_of(region)).to(at::kFloat);
}

at::Tensor StoredSignals::box_logits(const Region& region) const {
  return box_.index_select(0, rows_of(region)).to(at::kFloat).view({-1, 4, bins_});
}

at::Tensor StoredSignals::box_known(const Region& region) const {
  return box_.index_select(0, rows_of(region)).ne(0).any(1).to(at::kFloat);
}

ClassMaps StoredSignals::class_maps() const {
  const int64_t locations = images_ * grid_.count(), classes = cls_.size(1);
  const at::Tensor logits = at::zeros({locations, classes}, cls_.options().dtype(at::kFloat))
                                .index_copy_(0, keys_, cls_.to(at::kFloat))
                                .view({images_, grid_.count(), classes});
  const at::Tensor known =
      at::zeros({locations, 1}, logits.options()).index_fill_(0, keys_, 1).view({images_, grid_.count(), 1});
  ClassMaps maps;
  for (const GridLevel& level : grid_.levels) {
    const auto as_map = [&](const at::Tensor& flat) {
      return flat.narrow(1, level.offset, level.count())
          .reshape({images_, level.height, level.width, flat.size(2)})
          .permute({0, 3, 1, 2});
    };
    maps.logits.push_back(as_map(logits));
    maps.known.push_back(as_map(known));
  }
  return maps;
}

SignalEntry make_signal_entry(const PointGrid& grid, const std::vector<const Region*>& regions, const Region* cid,
                              const at::Tensor& cls, const at::Tensor& box) {
  SignalEntry entry;
  for (const GridLevel& level : grid.levels) entry.sizes.emplace_back(level.height, level.width);
  std::vector<at::Tensor> all = {at::zeros({0}, at::TensorOptions(at::kLong).device(grid.centres.device()))};
  for (const Region* region : regions) all.push_back(region->point);
  const at::Tensor points = std::get<0>(at::_unique2(at::cat(all), /*sorted=*/true));
  const auto stored = [&](const at::Tensor& logits) {  // beyond what half can hold no probability changes any more
    if (!logits.defined()) return at::zeros({points.size(0), 0}, at::kHalf);
    return logits.select(0, 0).index_select(0, points).clamp(-6e4, 6e4).to(at::kCPU, at::kHalf).contiguous();
  };
  const auto column = [](const at::Tensor& values, at::ScalarType type) {
    return values.to(at::kCPU, type).contiguous();
  };
  const at::Tensor none = at::zeros({0});
  entry.points = column(points, at::kInt);
  entry.cls = stored(cls);
  entry.box = stored(box);
  entry.cid_points = column(cid ? cid->point : none, at::kInt);
  entry.cid_objects = column(cid ? cid->object : none, at::kInt);
  entry.cid_weights = column(cid ? cid->weights : none, at::kFloat);
  entry.cid_box_weights = column(cid ? cid->box_weights : none, at::kFloat);
  return entry;
}

}  // namespace skylift
