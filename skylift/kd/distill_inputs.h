// What every distillation method reads of one step.
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/boxes/point_grid.h"
#include "skylift/data/sample.h"
#include "skylift/models/dense_output.h"

namespace skylift {

struct StoredBatch;

/// Teacher tensors carry no gradient. All tensors are on one device; the grid is that of both outputs.
struct DistillInputs {
  const Batch& batch;
  const PointGrid& grid;
  const Assignment& assignment;
  const DenseOutput& student;
  const DenseOutput& teacher;  ///< with stored signals: its strides and reg_max only, no levels

  const StoredBatch* stored = nullptr;  ///< the teacher's signals from a file (stored_signals.h) instead of `teacher`
};

}  // namespace skylift
