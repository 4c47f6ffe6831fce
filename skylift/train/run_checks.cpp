#include "skylift/train/run_checks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "skylift/core/error.h"
#include "skylift/kd/distiller.h"

namespace skylift {
namespace {

void add_schedule(const RunOptions& options, int64_t steps, std::vector<std::string>& doubts) {
  const ScheduleOptions& schedule = options.train.schedule;
  if (schedule.warmup_steps >= steps) {
    doubts.push_back(
        fmt::format("train.schedule.warmup_steps is {}, but the run has {} steps: the learning rate never reaches its "
                    "full value",
                    schedule.warmup_steps, steps));
  }
  if (schedule.name != "multi_step") return;
  std::vector<int> beyond;
  std::ranges::copy_if(schedule.milestones, std::back_inserter(beyond),
                       [&](int milestone) { return milestone >= options.train.epochs; });
  if (!beyond.empty()) {
    doubts.push_back(
        fmt::format("train.schedule.milestones: after epoch {} the learning rate would fall, but the run "
                    "ends after epoch {}",
                    fmt::join(beyond, ", "), options.train.epochs));
  }
}

/// Methods all of whose weights are 0.
void add_weightless(RunOptions options, std::vector<std::string>& doubts) {
  OptionTable table;
  bind(table.root(), options);
  for (const std::string& method : options.kd.methods) {
    std::vector<std::string> zero;
    bool counts = false;
    for (const Option& option : table.options()) {
      if (!option.key.starts_with("kd." + method + ".") || !option.key.ends_with("weight")) continue;
      const auto* weight = std::get_if<double*>(&option.value);
      if (!weight) continue;
      if (**weight == 0) zero.push_back(option.key + " = 0");
      counts = counts || **weight != 0;
    }
    if (!zero.empty() && !counts)
      doubts.push_back(
          fmt::format("kd.methods has '{}', but its terms are always 0: {}", method, fmt::join(zero, ", ")));
  }
}

}  // namespace

std::vector<std::string> doubtful_settings(const RunOptions& options, int64_t images, int64_t steps_per_epoch,
                                           bool distils) {
  const int64_t steps = steps_per_epoch * options.train.epochs;
  std::vector<std::string> doubts;
  add_schedule(options, steps, doubts);
  if (images < options.train.batch_size) {
    doubts.push_back(fmt::format(
        "train.batch_size is {}, but there are {} training images: the learning rate is that of the larger batch",
        options.train.batch_size, images));
  }
  if (!distils) return doubts;
  add_weightless(options, doubts);
  if (options.kd.warmup_steps >= steps) {
    doubts.push_back(
        fmt::format("kd.warmup_steps is {}, but the run has {} steps: the terms never reach their full strength",
                    options.kd.warmup_steps, steps));
  }
  return doubts;
}

void check_distillable(const RunOptions& student, const ModelOptions& teacher) {
  const DistillOptions& kd = student.kd;
  // Levels that have to be brought together first say more about themselves when that is done.
  if (kd.teacher_scale > 1 || kd.teacher_finer || student.model.neck.strides() != teacher.neck.strides()) return;
  const auto untrained = [](ModelOptions options) {
    options.backbone.weights.clear();
    return std::make_shared<Detector>(options, /*classes=*/2);
  };
  Distiller(kd, *untrained(student.model), *untrained(teacher), student.assign);
}

void check_length(int64_t done, int64_t total, const RunOptions& options, const std::string& where) {
  if (done <= total) return;
  throw Error("{}: the run has {} steps behind it, train.epochs = {} are {} (hint: more epochs)", where, done,
              options.train.epochs, total);
}

}  // namespace skylift
