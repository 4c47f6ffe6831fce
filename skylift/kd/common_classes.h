// A teacher of other classes: what both know is distilled, the rest is learned from the labels.
#pragma once

#include "skylift/kd/distill_inputs.h"

namespace skylift {

/// A step's inputs with the class channels and labels of the teacher's known_classes alone; the inputs themselves where
/// those are all. An object of another class has the label -1.
struct ClassSubset {
  explicit ClassSubset(const DistillInputs& inputs);
  DistillInputs inputs() const { return {batch, grid, assignment, student, teacher, stored}; }

  Batch batch;
  const PointGrid& grid;
  const Assignment& assignment;
  DenseOutput student, teacher;
  const StoredBatch* stored;
};

}  // namespace skylift
