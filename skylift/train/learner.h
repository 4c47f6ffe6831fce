// The student and all that changes with it from step to step: its average, the adapters of the distillation, the
// optimizer's moments and the random numbers. What a state holds to the last bit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skylift/dist/gradient_buckets.h"
#include "skylift/infer/device.h"
#include "skylift/kd/distiller.h"
#include "skylift/models/tensor_file.h"
#include "skylift/teachers/teacher_network.h"
#include "skylift/train/ema.h"
#include "skylift/train/optimizer.h"
#include "skylift/train/run_options.h"

namespace skylift {

class Learner {
 public:
  /// Takes the student to the device. `teacher` null: training without one. `images_a_step`: over all processes.
  Learner(std::shared_ptr<Detector> student, const TeacherNetwork* teacher, const RunOptions& options,
          const ComputeDevice& compute, int64_t images_a_step);

  Detector& student() const { return *student_; }
  Distiller* distiller() const { return distiller_.get(); }  ///< null: no teacher
  /// What is scored and saved as the result: the average where there is one.
  const std::shared_ptr<Detector>& result() const { return average_ ? average_->detector() : student_; }

  /// The gradients of a part of the step's loss are added to those of the parts before. With the last one they are
  /// those of all processes.
  void backward(const at::Tensor& loss, bool last);

  /// Updates by the gradients at a factor on the learning rate; returns their norm. Error: it is not finite.
  double update(double lr_factor, int64_t step);
  /// Rank 0's weights and statistics for all.
  void follow_first();
  double lr() const { return optimizer_.lr(); }

  /// "student.*", "ema.*", "distiller.*", "optimizer.*", and of each process the generators: "random.cpu", on a GPU
  /// "random.cuda", those of other ranks than 0 as "random.cpu@RANK". Called by all processes alike.
  std::vector<NamedTensor> state() const;

  /// A rank that has no generator there takes that of rank 0. Error, beginning with `where`: a tensor is missing or of
  /// another shape.
  void load_state(const std::vector<NamedTensor>& state, const std::string& where);

 private:
  std::vector<std::pair<std::string, torch::nn::Module*>> saved_modules() const;

  std::shared_ptr<Detector> student_;
  std::unique_ptr<Distiller> distiller_;
  ScheduledOptimizer optimizer_;
  std::optional<Ema> average_;
  GradientBuckets buckets_;
  c10::Device device_;
};

}  // namespace skylift
