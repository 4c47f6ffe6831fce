// Collects the result of an assigner image by image and moves it to the grid's device in one go.
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/assign/grid_cells.h"

namespace skylift {

class AssignmentBuilder {
 public:
  AssignmentBuilder(const PointGrid& grid, int64_t images);

  /// `object_of`: [A], index of the object a point answers for, -1 none. `labels`, `thresholds`: [G]. `mask`: [A], see
  /// content_mask; a positive counts even where the mask is 0.
  void add_image(const std::vector<int>& object_of, const std::vector<BoxXyxy>& boxes, const at::Tensor& labels,
                 const std::vector<float>& thresholds, const std::vector<float>& mask);

  Assignment finish() const;

 private:
  std::vector<GridLevel> levels_;
  c10::Device device_;
  int64_t image_count_ = 0;
  std::vector<int64_t> image_, point_, object_, labels_, positives_per_image_, positives_per_level_;
  std::vector<float> boxes_, thresholds_;  // P * 4, G
  at::Tensor weights_;                     // [B,A] on the CPU
};

}  // namespace skylift
