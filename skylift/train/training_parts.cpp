#include "skylift/train/training_parts.h"

#include "skylift/core/error.h"
#include "skylift/dist/processes.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/training_loader.h"

namespace skylift {
namespace {

std::optional<Teacher> teacher_of(const TrainRequest& request, const std::vector<std::string>& classes,
                                  const ComputeDevice& compute) {
  if (!request.teacher) return std::nullopt;
  if (!request.options.kd.cache.empty()) check_cacheable(request.options);
  return std::optional<Teacher>(std::in_place, *request.teacher, request.options, classes, compute);
}

}  // namespace

TrainingParts::TrainingParts(const TrainRequest& request, const Dataset& train_set, const Dataset& val_set,
                             const ComputeDevice& compute, int batches)
    : accumulate(batches),
      teacher(teacher_of(request, train_set.classes(), compute)),
      learner(make_student(request, static_cast<int>(train_set.classes().size()), teacher_model()), teacher_model(),
              request.options, compute, int64_t{request.options.train.batch_size} * accumulate * process_count()),
      loader(training_loader(train_set, request.options)),
      steps_per_epoch(loader->batches_per_epoch() / accumulate),
      total_steps(steps_per_epoch * request.options.train.epochs) {
  if (steps_per_epoch == 0) {
    throw Error("train.accumulate: got {}, but an epoch has {} batches; expected at most as many", accumulate,
                loader->batches_per_epoch());
  }
  if (learner.distiller()) learner.distiller()->set_batches_per_step(accumulate);
  RunOptions options = request.options;
  options.train.accumulate = accumulate;
  identity = run_identity({.options = options,
                           .train_set = train_set,
                           .val_set = val_set,
                           .teacher = teacher_model(),
                           .student = request.student.value_or("").string()});
  at::manual_seed(static_cast<uint64_t>(options.train.seed));
}

}  // namespace skylift
