// One training step, plain or distilled: the whole of the mathematics, readable from top to bottom.
#pragma once

#include "skylift/assign/atss.h"
#include "skylift/core/error.h"
#include "skylift/infer/device.h"
#include "skylift/kd/distiller.h"
#include "skylift/losses/detection_loss.h"
#include "skylift/models/detector.h"

namespace skylift {

class SignalCache;

/// What a step reads. Without a teacher `teacher` and `distiller` are null; while the distiller is not active they are
/// not run.
struct StepContext {
  Detector& student;
  Detector* teacher = nullptr;
  Distiller* distiller = nullptr;
  const AtssOptions& assign;
  const DetectionLossOptions& loss;
  const ComputeDevice& compute;
  const SignalCache* cache = nullptr;  ///< its stored signals are read instead of running the teacher
};

/// Forward passes, assignment, detection loss, distillation terms. `batch` is on the device already.
LossTerms loss_terms(const StepContext& context, const Batch& batch);

/// The training itself has failed: its numbers are no numbers any more.
struct Diverged : Error {
  using Error::Error;
};

/// The sum of the terms and their values. Diverged, naming the term: one is not finite.
struct SummedLoss {
  at::Tensor total;                                    ///< scalar, in the graph
  std::vector<std::pair<std::string, double>> values;  ///< "loss" first, then each term
};
SummedLoss sum_finite(const LossTerms& terms);

/// Appends "ratio_NAME" for each distillation term: its value over the detection loss.
void append_ratios(std::vector<std::pair<std::string, double>>& values);

}  // namespace skylift
