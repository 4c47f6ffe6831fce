#include "skylift/kd/cid_proposals.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <limits>

#include "skylift/boxes/boxes.h"
#include "skylift/losses/point_gather.h"

namespace skylift {
namespace {

bool by_teacher(const CidOptions& options) { return options.proposals == "teacher"; }

/// How far from an instance's centre a location can be and still have weight: the smaller of what centerness and gate
/// allow. The teacher's box contains its location and reaches R strides to each side; an anchor is centred on it.
HalfExtent weight_window(const BoxXyxy& box, const GridLevel& level, const CidOptions& options, int reg_max) {
  const double most = std::numeric_limits<double>::infinity(), stride = level.stride;
  const double reach = by_teacher(options) ? reg_max * stride : options.anchor_scale * stride / 2;
  const double offset = by_teacher(options) ? reach / 2 : 0;  // of a proposal's centre from its location
  const double gate = options.gate_relative ? 0 : options.gate_iou;
  const auto half = [&](double side) {
    const double centred = std::max(options.enlarge * side, options.least_strides * stride) / 2 + offset;
    const double by_centerness = options.instance_in_proposal() ? reach : centred;
    // IoU >= gate means that P_i is at most side / gate long, and beyond the instance by at most the rest of that.
    const double by_gate = gate > 0 ? side / 2 + side * (1 - gate) / gate : most;
    return std::min(by_centerness, by_teacher(options) ? by_gate : by_centerness);
  };
  return {half(box.width()), half(box.height())};
}

/// Calls body(point) for the points in the window of a box, level by level.
template <class Body>
void for_each_near(const PointGrid& grid, const BoxXyxy& box, const CidOptions& options, int reg_max,
                   const Body& body) {
  const double x = (static_cast<double>(box.x1) + box.x2) / 2, y = (static_cast<double>(box.y1) + box.y2) / 2;
  for (const GridLevel& level : grid.levels) {
    const HalfExtent half = weight_window(box, level, options, reg_max);
    const BoxXyxy window{static_cast<float>(x - half.x), static_cast<float>(y - half.y), static_cast<float>(x + half.x),
                         static_cast<float>(y + half.y)};
    for_each_point(level, block_inside(level, {0, level.height, 0, level.width}, window), body);
  }
}

/// The rows as tensors on the grid's device.
PointGather gather_of(const NearLocations& near, const PointGrid& grid, at::Tensor& points) {
  std::vector<int64_t> image, point;
  for (size_t b = 0; b < near.images.size(); ++b) {
    for (const Near& location : near.images[b]) {
      image.push_back(static_cast<int64_t>(b));
      point.push_back(location.point);
    }
  }
  const c10::Device device = grid.centres.device();
  points = at::tensor(point, at::kLong).to(device);
  return {grid, at::tensor(image, at::kLong).to(device), points};
}

double overlap(const BoxXyxy& a, const BoxXyxy& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1),
               height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(width > 0 && height > 0)) return 0;
  const double inter = width * height;
  return inter / std::max(double{a.width()} * a.height() + double{b.width()} * b.height() - inter, 1e-7);
}

}  // namespace

NearLocations near_locations(const DistillInputs& inputs, const BatchObjects& objects,
                             const std::vector<std::vector<float>>& allowed, const CidOptions& options) {
  NearLocations near;
  const auto points = static_cast<size_t>(inputs.grid.count());
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    std::vector<int32_t> row_of(points, -1);
    for (const BoxXyxy& box : objects.boxes[b]) {
      for_each_near(inputs.grid, box, options, inputs.teacher.reg_max,
                    [&](int64_t p) { row_of[p] = allowed[b][p] > 0 ? 0 : -1; });
    }
    near.images.emplace_back();
    for (size_t p = 0; p < points; ++p) {
      if (row_of[p] < 0) continue;
      row_of[p] = static_cast<int32_t>(near.images.back().size());
      near.images.back().push_back({.point = static_cast<int64_t>(p), .proposal = {}});
    }
    near.row_of.push_back(std::move(row_of));
  }
  return near;
}

void propose(NearLocations& near, const DistillInputs& inputs, const CidOptions& options, at::Tensor& cls) {
  const PointGrid& grid = inputs.grid;
  at::Tensor points;
  const PointGather gather = gather_of(near, grid, points);
  const at::Tensor strides = grid.strides.index_select(0, points).unsqueeze(1);
  const at::Tensor distances =  // [N,4] in strides
      by_teacher(options) ? gather_distances(gather, inputs.teacher).detach()
                          : at::full({points.size(0), 4}, options.anchor_scale / 2, grid.centres.options());
  const at::Tensor boxes = boxes_from_distances(grid.centres.index_select(0, points), distances * strides);
  const std::vector<BoxXyxy> proposals = to_boxes(boxes);
  size_t row = 0;
  for (auto& image : near.images) {
    for (Near& location : image) location.proposal = proposals[row++];
  }
  if (options.score_power > 0 || options.confidence_power > 0)
    cls = gather_cls_logits(gather, inputs.teacher).detach().to(at::kCPU, at::kFloat).contiguous();
}

std::vector<double> choose_instances(NearLocations& near, const DistillInputs& inputs, const BatchObjects& objects,
                                     const CidOptions& options) {
  std::vector<double> best;
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    for (const BoxXyxy& box : objects.boxes[b]) {
      const auto object = static_cast<int64_t>(best.size());
      best.push_back(0);
      for_each_near(inputs.grid, box, options, inputs.teacher.reg_max, [&](int64_t p) {
        const int32_t row = near.row_of[b][p];
        if (row < 0) return;
        Near& location = near.images[b][static_cast<size_t>(row)];
        const double iou = overlap(location.proposal, box);
        best.back() = std::max(best.back(), iou);
        if (iou > location.iou) location.iou = iou, location.object = object;
      });
    }
  }
  return best;
}

}  // namespace skylift
