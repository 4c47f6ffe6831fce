// Batches, outputs and regions for the tests of distillation.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/assign/atss.h"
#include "skylift/boxes/boxes.h"
#include "skylift/kd/distiller.h"
#include "tests/dense_scene.h"
#include "tests/golden_scene.h"

namespace skylift::testing {

/// Everything that DistillInputs refers to, for images of one size without padding.
struct KdScene {
  explicit KdScene(const std::vector<Targets>& targets, DenseShape shape = {}, at::ScalarType type = at::kFloat) {
    shape.images = static_cast<int64_t>(targets.size());
    student = random_output(shape, 1, type);
    teacher = random_output(shape, 2, type);
    grid = point_grid(student);
    batch.targets = targets;
    const auto [height, width] = shape.sizes.front();
    batch.geometries.assign(targets.size(), content(static_cast<int>(height) * shape.strides[0],
                                                    static_cast<int>(width) * shape.strides[0]));
    assign();
  }
  void assign() { assignment = assign_atss(grid, batch.targets, batch.geometries, {}); }
  DistillInputs inputs() const { return {batch, grid, assignment, student, teacher}; }

  Batch batch;
  PointGrid grid;
  Assignment assignment;
  DenseOutput student, teacher;
};

/// Box logits under which every point predicts the given distances in strides (whole numbers), nearly exactly.
inline void predict_distances(DenseOutput& output, size_t level,
                              const at::Tensor& distances_ltrb /* [B,H,W,4] in strides */) {
  const at::Tensor bins = torch::arange(output.reg_max + 1, distances_ltrb.options());
  // A wide gap between the two bins around the distance and the others; between those two the share sets the
  // expectation.
  const at::Tensor share = (1 - (distances_ltrb.unsqueeze(-1) - bins).abs()).clamp_min(0);  // [B,H,W,4,R+1]
  const at::Tensor logits = (share + 1e-6).log().flatten(3).permute({0, 3, 1, 2});
  output.levels[level].box_logits = logits.to(output.levels[level].box_logits.scalar_type()).contiguous();
}

/// A teacher that proposes `boxes_xyxy` [G,4]: each point the box whose centre is nearest, as far as the bins reach.
inline void propose_nearest_box(DenseOutput& teacher, const PointGrid& grid, int64_t image,
                                const at::Tensor& boxes_xyxy) {
  for (size_t i = 0; i < grid.levels.size(); ++i) {
    const GridLevel& level = grid.levels[i];
    const at::Tensor points = grid.centres.narrow(0, level.offset, level.count());
    const at::Tensor centres = (boxes_xyxy.slice(1, 0, 2) + boxes_xyxy.slice(1, 2, 4)) / 2;
    const at::Tensor nearest = torch::cdist(points, centres).argmin(1);
    const at::Tensor distances = distances_from_boxes(points, boxes_xyxy.index_select(0, nearest)) / level.stride;
    const at::Tensor map = distances.clamp(0, teacher.reg_max).view({1, level.height, level.width, 4});
    DenseOutput one = teacher;
    predict_distances(one, i, map);
    teacher.levels[i].box_logits = teacher.levels[i].box_logits.clone();
    teacher.levels[i].box_logits[image].copy_(one.levels[i].box_logits[0]);
  }
}

inline double term(const LossTerms& terms, const std::string& name) {
  for (const LossTerm& entry : terms) {
    if (entry.name == name) return entry.value.item<double>();
  }
  ADD_FAILURE() << "no term " << name;
  return NAN;
}

inline ModelShape shape_of(const KdScene& scene) {
  return {static_cast<int>(scene.student.levels[0].cls_logits.size(1)), scene.student.reg_max,
          static_cast<int>(scene.student.levels[0].feature.size(1)), scene.student.strides};
}

inline LossTerms distil(const KdScene& scene, const DistillOptions& options) {
  Distiller distiller(options, shape_of(scene), shape_of(scene));
  return distiller(scene.inputs());
}

}  // namespace skylift::testing
