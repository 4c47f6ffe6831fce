// Teacher and student may have different pyramid levels (a student with P2 for tiny objects, say) and different classes
// (another tool's teacher): what they share is distilled.
#pragma once

#include <vector>

#include "skylift/kd/distill_inputs.h"

namespace skylift {

/// Strides that both have, in the student's order.
std::vector<int> common_strides(const std::vector<int>& student, const std::vector<int>& teacher);

/// A step's inputs with what both have alone: their common levels (positives on others are left out), the classes that
/// the teacher knows (DenseOutput::known_classes; an object of another one has the label -1, in the targets and in the
/// assignment). What `inputs` refers to beside that must outlive it.
class CommonInputs {
 public:
  explicit CommonInputs(const DistillInputs& inputs);
  DistillInputs inputs() const { return {batch_, grid_, assignment_, student_, teacher_, stored_}; }

 private:
  void keep_known_classes(const at::Tensor& known);
  void keep_levels(const std::vector<int>& strides);

  Batch batch_;
  PointGrid grid_;
  Assignment assignment_;
  DenseOutput student_, teacher_;
  const StoredBatch* stored_;
};

}  // namespace skylift
