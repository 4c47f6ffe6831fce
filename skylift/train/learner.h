// The student and all that changes with it from step to step: its average, the adapters of the distillation, the
// optimizer's moments and the random numbers. What a state holds to the last bit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skylift/infer/device.h"
#include "skylift/kd/distiller.h"
#include "skylift/models/tensor_file.h"
#include "skylift/train/ema.h"
#include "skylift/train/optimizer.h"
#include "skylift/train/run_options.h"

namespace skylift {

class Learner {
 public:
  /// Takes the student to the device. `teacher` null: training without one.
  Learner(std::shared_ptr<Detector> student, Detector* teacher, const RunOptions& options,
          const ComputeDevice& compute);

  Detector& student() const { return *student_; }
  Distiller* distiller() const { return distiller_.get(); }  ///< null: no teacher
  /// What is scored and saved as the result: the average where there is one.
  const std::shared_ptr<Detector>& result() const { return average_ ? average_->detector() : student_; }

  /// Updates by the gradients at a factor on the learning rate; returns their norm. Error: it is not finite.
  double update(double lr_factor, int64_t step);
  double lr() const { return optimizer_.lr(); }

  /// "student.*", "ema.*", "distiller.*", "optimizer.*", "random.cpu".
  std::vector<NamedTensor> state() const;

  /// Error, beginning with `where`: a tensor is missing or of another shape.
  void load_state(const std::vector<NamedTensor>& state, const std::string& where);

 private:
  std::shared_ptr<Detector> student_;
  std::unique_ptr<Distiller> distiller_;
  ScheduledOptimizer optimizer_;
  std::optional<Ema> average_;
};

}  // namespace skylift
