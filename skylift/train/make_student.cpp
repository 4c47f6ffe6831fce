// The student as a run begins with it.
#include <ATen/Context.h>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/models/inherit.h"
#include "skylift/models/tensor_file.h"
#include "skylift/train/trainer.h"

namespace skylift {

std::shared_ptr<Detector> make_student(const TrainRequest& request, int class_count, const Detector* teacher) {
  const bool inherits = teacher && request.options.kd.inherit;
  if (request.student && inherits) {
    throw Error("{}: a student to start from and kd.inherit exclude each other (hint: --set kd.inherit=false)",
                request.student->string());
  }
  // Nothing else may draw random numbers between the seed and the detector.
  at::manual_seed(static_cast<uint64_t>(request.options.train.seed));
  auto student = std::make_shared<Detector>(request.options.model, class_count);
  if (request.student) load_state(*student, read_tensors(*request.student).tensors, request.student->string());
  if (inherits) {
    const InheritReport report = inherit(*student, *teacher);
    log_info("of the tensors of its neck and head the student begins with {} of the teacher's, {} of its own",
             report.inherited.size(), report.kept.size());
  }
  return student;
}

}  // namespace skylift
