// The distillation terms of a training step: one object that holds the chosen methods and what they train.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/kd/calibration.h"
#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/distill_options.h"
#include "skylift/kd/method.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/detector.h"

namespace skylift {

/// Its parameters() are the adapters that methods train beside the student: for the optimizer and for resuming, never
/// part of the student's file. Empty for methods without adapters.
class Distiller : public torch::nn::Module {
 public:
  /// `atss`: of the assigner whose result the steps bring. Error: an unknown method, classes, bins or levels that do
  /// not fit.
  Distiller(const DistillOptions& options, Detector& student, Detector& teacher, const AtssOptions& atss = {});
  Distiller(const DistillOptions& options, Detector& student, const ModelShape& teacher_shape, Detector* teacher,
            const AtssOptions& atss = {});
  /// From shapes alone, for methods that need no model.
  Distiller(const DistillOptions& options, const ModelShape& student, const ModelShape& teacher,
            const AtssOptions& atss = {});

  /// Epochs count from 0. Before the first call it is epoch 0.
  void begin_epoch(int64_t epoch) { epoch_ = epoch; }

  /// A step consists of so many batches, each of which calls for the terms (train.accumulate).
  void set_batches_per_step(int batches) { batches_per_step_ = batches; }

  /// False where nothing would be computed in this epoch, so that the teacher need not run: no methods, or
  /// kd.stop_epoch passed.
  bool active() const;

  /// Whether some method reads more of the teacher's output than its logits.
  bool reads_features() const;

  /// The terms of all methods, in the order of options.methods, times the strength of the warm-up. A term of weight 0
  /// is absent and costs nothing. Where teacher and student have different levels the common ones are distilled. Where
  /// the student has a lifted second prediction, that one is distilled. `detection_loss` (scalar, without gradient) is
  /// needed with kd.calibrate only.
  LossTerms operator()(const DistillInputs& inputs, const at::Tensor& detection_loss = {});

 private:
  void make_methods(const ModelShape& student, const ModelShape& teacher, Detector* student_model,
                    Detector* teacher_model);
  void add_terms(const DistillInputs& inputs, LossTerms& terms);
  double warmup_strength();

  DistillOptions options_;
  AtssOptions atss_;
  std::vector<MethodPtr> methods_;
  std::shared_ptr<Calibration> calibration_;  ///< null: kd.calibrate is 0
  int64_t epoch_ = 0;
  int batches_per_step_ = 1, batch_ = 0;  ///< the second: how many of this step's batches are done
  at::Tensor
      steps_;  ///< int64 buffer: optimizer steps begun, part of the state so that a resumed run goes on with the warm-up,
               ///< whatever its batches are now; only with a warm-up
};

}  // namespace skylift
