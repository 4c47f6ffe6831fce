// The student as a run begins with it.
#include <ATen/Context.h>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/models/inherit.h"
#include "skylift/models/start_from.h"
#include "skylift/models/tensor_file.h"
#include "skylift/train/trainer.h"

namespace skylift {

std::shared_ptr<Detector> make_student(const TrainRequest& request, const std::vector<std::string>& classes,
                                       const Detector* teacher) {
  const bool asks = !request.teachers.empty() && request.options.kd.inherit,
             inherits = asks && teacher && !request.init;
  if (request.student && (inherits || request.init)) {
    throw Error("{}: a student to start from and {} exclude each other{}", request.student->string(),
                request.init ? "--init" : "kd.inherit", request.init ? "" : " (hint: --set kd.inherit=false)");
  }
  if (asks && !inherits && !request.student)
    log_info("kd.inherit: the student begins {}", request.init
                                                      ? "with --init instead of the teacher's neck and head"
                                                      : "on its own: this teacher has no neck and head to give");
  // Nothing else may draw random numbers between the seed and the detector.
  at::manual_seed(static_cast<uint64_t>(request.options.train.seed));
  auto student = std::make_shared<Detector>(request.options.model, static_cast<int>(classes.size()));
  if (request.student) load_state(*student, read_tensors(*request.student).tensors, request.student->string());
  if (request.init)
    log_info("{}: {}", request.init->string(), start_from(*student, classes, load_model(*request.init)));
  if (inherits) {
    const InheritReport report = inherit(*student, *teacher);
    log_info("of the tensors of its neck and head the student begins with {} of the teacher's, {} of its own",
             report.inherited.size(), report.kept.size());
  }
  return student;
}

}  // namespace skylift
