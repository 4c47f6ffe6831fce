// The distillation terms of a training step: one object that holds the chosen methods and what they train.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/assign/assignment.h"
#include "skylift/config/option_table.h"
#include "skylift/data/sample.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/detector.h"

namespace skylift {

/// All that a method may read of one step. Teacher tensors carry no gradient.
struct DistillInputs {
  const Batch& batch;
  const PointGrid& grid;
  const Assignment& assignment;
  const DenseOutput& student;
  const DenseOutput& teacher;
};

}  // namespace skylift
