#include "skylift/train/training_parts.h"

#include "skylift/core/error.h"
#include "skylift/dist/processes.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/training_loader.h"

namespace skylift {
namespace {

const Dataset* pointer(const std::optional<Dataset>& images) { return images ? &*images : nullptr; }

std::optional<Teacher> teacher_of(const TrainRequest& request, const Dataset& train_set, const ComputeDevice& compute,
                                  const std::optional<Dataset>& unlabelled) {
  if (request.teachers.empty()) return std::nullopt;
  if (!request.options.kd.cache.empty()) check_cacheable(request.options);
  return std::optional<Teacher>(std::in_place, request.teachers, request.options, train_set, compute,
                                pointer(unlabelled));
}

const Detector* detector_of(const std::optional<Teacher>& teacher) {
  return teacher ? teacher->network->detector() : nullptr;
}

}  // namespace

std::optional<Dataset> unlabelled_of(const TrainRequest& request, const std::vector<std::string>& classes) {
  const std::string& spec = request.options.data.unlabelled;
  if (spec.empty()) return std::nullopt;
  if (request.teachers.empty())
    throw Error("data.unlabelled: without a teacher nothing is learned of them (hint: skylift distill)");
  return open_unlabelled_set(spec, classes);
}

TrainingParts::TrainingParts(const TrainRequest& request, const Dataset& train_set, const Dataset& val_set,
                             const ComputeDevice& compute, int batches)
    : accumulate(batches),
      unlabelled(unlabelled_of(request, train_set.classes())),
      teacher(teacher_of(request, train_set, compute, unlabelled)),
      learner(make_student(request, train_set.classes(), detector_of(teacher)), teacher_network(), request.options,
              compute, int64_t{request.options.train.batch_size} * accumulate * process_count()),
      loader(training_loader(train_set, request.options, compute, teacher ? request.options.kd.teacher_scale : 1,
                             pointer(unlabelled))),
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
                           .teacher = teacher ? teacher->network->checksum() : "",
                           .student = request.student.value_or(request.init.value_or("")).string(),
                           .unlabelled = pointer(unlabelled)});
  at::manual_seed(static_cast<uint64_t>(options.train.seed));
}

}  // namespace skylift
