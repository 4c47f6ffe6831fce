// One training step, plain or distilled: the whole of the mathematics, readable from top to bottom.
#pragma once

#include "skylift/assign/atss.h"
#include "skylift/core/error.h"
#include "skylift/infer/device.h"
#include "skylift/kd/distiller.h"
#include "skylift/losses/detection_loss.h"
#include "skylift/models/detector.h"
#include "skylift/teachers/teacher_network.h"
#include "skylift/train/metrics_log.h"

namespace skylift {

class SignalCache;

/// What a step reads. Without a teacher `teacher` and `distiller` are null; while the distiller is not active they are
/// not run.
struct StepContext {
  Detector& student;
  TeacherNetwork* teacher = nullptr;
  Distiller* distiller = nullptr;
  const AtssOptions& assign;
  const DetectionLossOptions& loss;
  const ComputeDevice& compute;
  const SignalCache* cache = nullptr;  ///< its stored signals are read instead of running the teacher

  bool distils() const { return distiller && distiller->active(); }
};

/// The front half of a step: both outputs, and who answers for which object.
struct StepForward {
  DenseOutput student, teacher;
  PointGrid grid;
  Assignment assignment;

  /// For the distiller; reads this struct and `batch`, which must outlive it.
  DistillInputs inputs(const Batch& batch, const StoredBatch* stored = nullptr) const {
    return {batch, grid, assignment, student, teacher, stored};
  }
};

/// The teacher runs where something is distilled and nothing is stored. `batch` is on the device already.
StepForward forward_and_assign(const StepContext& context, const Batch& batch);

/// From outputs that are there already.
StepForward assigned(DenseOutput student, DenseOutput teacher, const Batch& batch, const AtssOptions& options);

/// Forward passes, assignment, detection loss, distillation terms. `batch` is on the device already.
LossTerms loss_terms(const StepContext& context, const Batch& batch);

/// The training itself has failed: its numbers are no numbers any more.
struct Diverged : Error {
  using Error::Error;
};

/// The sum of a batch's terms, in the graph: of what all processes have together this one's part.
at::Tensor total_of(const LossTerms& terms);

/// What a step's batches lost, on average and of all processes together: "loss", each term, and "ratio_NAME" of the
/// distillation terms: over the detection loss. Waits for the device, so it is read when the step's backward passes
/// have been given to it. Diverged, naming the term, in all processes: one is not finite.
MetricValues loss_values(const std::vector<LossTerms>& batches);

}  // namespace skylift
