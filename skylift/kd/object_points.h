// Pairs of an object and a location near it. Regions around objects are computed on these pairs, so their cost grows
// with the objects and their size, never with objects x points.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "skylift/assign/grid_cells.h"
#include "skylift/data/sample.h"

namespace skylift {

/// The objects of a batch, image by image: G in total.
struct BatchObjects {
  std::vector<std::vector<BoxXyxy>> boxes;  ///< B lists, on the CPU
  at::Tensor boxes_xyxy;                    ///< [G,4] float, px, on the training device
  at::Tensor labels;                        ///< [G] int64, on the CPU
  at::Tensor image;                         ///< [G] int64
  at::Tensor index_in_image;                ///< [G] int64, index into the image's Targets
  int64_t count() const { return boxes_xyxy.size(0); }
};
BatchObjects batch_objects(const std::vector<Targets>& targets, c10::Device device);

/// M pairs, object by object, then by rising point.
struct ObjectPoints {
  at::Tensor image;   ///< [M] int64
  at::Tensor point;   ///< [M] int64
  at::Tensor object;  ///< [M] int64, into the BatchObjects
};

/// Half of a window's width and height, px.
struct HalfExtent {
  double x = 0, y = 0;
};
using WindowOf = std::function<HalfExtent(const BoxXyxy& box, const GridLevel& level)>;

/// For each object and level the allowed points in a window around the object's centre. `allowed`: B lists of A flags.
ObjectPoints points_near_objects(const PointGrid& grid, const BatchObjects& objects,
                                 const std::vector<std::vector<float>>& allowed, const WindowOf& window_of);

/// [M] bool: of each location's pairs the one with the largest score, the first object of equals. scores: [M].
at::Tensor best_pair_of_each_location(const ObjectPoints& pairs, const at::Tensor& scores, const PointGrid& grid,
                                      int64_t images);

/// B lists of A flags: 1 on an image's content outside its ignored regions (unless those are wanted).
std::vector<std::vector<float>> allowed_points(const PointGrid& grid, const Batch& batch, bool ignored_too = false);

}  // namespace skylift
