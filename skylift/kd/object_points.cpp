#include "skylift/kd/object_points.h"

#include <ATen/Functions.h>

#include <limits>

#include "skylift/boxes/upload.h"

namespace skylift {

BatchObjects batch_objects(const std::vector<Targets>& targets, c10::Device device) {
  BatchObjects objects;
  std::vector<float> boxes;
  std::vector<int64_t> image, index;
  std::vector<at::Tensor> labels = {at::zeros({0}, at::kLong)};
  for (size_t i = 0; i < targets.size(); ++i) {
    objects.boxes.push_back(to_boxes(targets[i].boxes_xyxy));
    labels.push_back(targets[i].labels);
    for (size_t k = 0; k < objects.boxes.back().size(); ++k) {
      const BoxXyxy& box = objects.boxes.back()[k];
      boxes.insert(boxes.end(), {box.x1, box.y1, box.x2, box.y2});
      image.push_back(static_cast<int64_t>(i));
      index.push_back(static_cast<int64_t>(k));
    }
  }
  objects.boxes_xyxy = upload(at::tensor(boxes, at::kFloat).view({-1, 4}), device);
  objects.labels = at::cat(labels);
  objects.image = upload(at::tensor(image, at::kLong), device);
  objects.index_in_image = upload(at::tensor(index, at::kLong), device);
  return objects;
}

ObjectPoints points_near_objects(const PointGrid& grid, const BatchObjects& objects,
                                 const std::vector<std::vector<float>>& allowed, const WindowOf& window_of) {
  std::vector<int64_t> image, point, object;
  int64_t index = 0;
  for (size_t b = 0; b < objects.boxes.size(); ++b) {
    for (const BoxXyxy& box : objects.boxes[b]) {
      const double x = (static_cast<double>(box.x1) + box.x2) / 2, y = (static_cast<double>(box.y1) + box.y2) / 2;
      for (const GridLevel& level : grid.levels) {
        const HalfExtent half = window_of(box, level);
        const BoxXyxy window{static_cast<float>(x - half.x), static_cast<float>(y - half.y),
                             static_cast<float>(x + half.x), static_cast<float>(y + half.y)};
        for_each_point(level, block_inside(level, {0, level.height, 0, level.width}, window), [&](int64_t p) {
          if (allowed[b][p] == 0) return;
          image.push_back(static_cast<int64_t>(b));
          point.push_back(p);
          object.push_back(index);
        });
      }
      ++index;
    }
  }
  const auto column = [&](const std::vector<int64_t>& values) {
    return upload(at::tensor(values, at::kLong), grid.centres.device());
  };
  return {column(image), column(point), column(object)};
}

at::Tensor best_pair_of_each_location(const ObjectPoints& pairs, const at::Tensor& scores, const PointGrid& grid,
                                      int64_t images) {
  const int64_t locations = images * grid.count();
  const at::Tensor location = pairs.image * grid.count() + pairs.point;
  const at::Tensor best = at::full({locations}, -std::numeric_limits<double>::infinity(), scores.options())
                              .scatter_reduce_(0, location, scores, "amax");
  const at::Tensor row = at::arange(location.size(0), location.options());
  const at::Tensor is_best = scores.eq(best.index_select(0, location));
  const at::Tensor candidate = at::where(is_best, row, at::full_like(row, location.size(0)));
  const at::Tensor first =
      at::full({locations}, location.size(0), row.options()).scatter_reduce_(0, location, candidate, "amin");
  return row.eq(first.index_select(0, location));
}

std::vector<std::vector<float>> allowed_points(const PointGrid& grid, const Batch& batch, bool ignored_too) {
  std::vector<std::vector<float>> allowed;
  for (size_t b = 0; b < batch.targets.size(); ++b) {
    const std::vector<BoxXyxy> ignored = ignored_too ? std::vector<BoxXyxy>{} : to_boxes(batch.targets[b].ignored_xyxy);
    allowed.push_back(content_mask(grid, batch.geometries[b], ignored));
  }
  return allowed;
}

}  // namespace skylift
