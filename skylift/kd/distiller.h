// The distillation terms of a training step: one object that holds the chosen methods and what they train.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/distill_options.h"
#include "skylift/kd/method.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/model_options.h"

namespace skylift {

/// Its parameters() are the adapters that methods train beside the student: for the optimizer and for resuming, never part of the
/// student's file. Empty for methods without adapters.
class Distiller : public torch::nn::Module {
 public:
  /// `atss`: of the assigner whose result the steps bring. Error: an unknown method, classes, bins or levels that do not fit.
  Distiller(const DistillOptions& options, const ModelShape& student, const ModelShape& teacher, const AtssOptions& atss = {});

  /// The terms of all methods, in the order of options.methods, times `strength` (see distill_strength). A term of weight 0 is
  /// absent and costs nothing; with strength 0 there are none.
  LossTerms operator()(const DistillInputs& inputs, double strength = 1);

 private:
  DistillOptions options_;
  AtssOptions atss_;
  std::vector<MethodPtr> methods_;
};

/// What a detector with these options looks like from outside.
ModelShape model_shape(const ModelOptions& options, int class_count);

}  // namespace skylift
