// Teacher and student may have different pyramid levels (a student with P2 for tiny objects, say): what they share is
// distilled.
#pragma once

#include <vector>

#include "skylift/kd/distill_inputs.h"

namespace skylift {

/// Strides that both have, in the student's order.
std::vector<int> common_strides(const std::vector<int>& student, const std::vector<int>& teacher);

/// The parts of a step's inputs on some levels only. Positives on other levels are left out.
struct LevelSubset {
  LevelSubset(const DistillInputs& inputs, const std::vector<int>& strides);
  DistillInputs inputs() const { return {batch, grid, assignment, student, teacher, stored}; }

  const Batch& batch;
  PointGrid grid;
  Assignment assignment;
  DenseOutput student, teacher;
  const StoredBatch* stored;
};

}  // namespace skylift
