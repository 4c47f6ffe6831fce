// The student as a run begins with it.
#include <ATen/Context.h>
#include <fmt/ranges.h>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/models/inherit.h"
#include "skylift/models/start_from.h"
#include "skylift/models/tensor_file.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/trainer.h"

namespace skylift {
namespace {

/// Options that are no part of what a model computes.
bool is_of_training(const std::string& key) {
  return key == "model.backbone.weights" || key == "model.backbone.frozen_stages" || key == "model.backbone.norm_eval";
}

/// A frozen stage, or statistics that no image has changed, of a network that nobody has trained.
void warn_of_frozen(const BackboneOptions& backbone) {
  if (!backbone.weights.empty() || (backbone.frozen_stages < 0 && !backbone.norm_eval)) return;
  log_warning(
      "model.backbone has no weights, so that what frozen_stages = {} and norm_eval = {} keep from training stays "
      "random (hint: --set model.backbone.weights=FILE; without, frozen_stages=-1 and norm_eval=false)",
      backbone.frozen_stages, backbone.norm_eval);
}

/// Exactly the model of a file, trained by the run's options: Light-ML that is folded there stays so.
std::shared_ptr<Detector> student_of(const std::filesystem::path& file, const RunOptions& run,
                                     const std::vector<std::string>& classes) {
  const Model model = load_model(file);
  if (model.card.classes != classes)
    throw Error(
        "{}: the student's classes are not the data's: got {}; expected {} (hint: --init takes the rows of the "
        "classes that both have)",
        file.string(), fmt::join(model.card.classes, ", "), fmt::join(classes, ", "));
  RunOptions expected = run, own = run;
  own.model = model.detector->options();
  expected.model.head.lifting.folded = own.model.head.lifting.folded;
  for (const OptionDifference& option : option_differences(expected, own)) {
    if (is_of_training(option.key)) continue;
    throw Error("{}: has {} = {}, the run {} (hint: --set {}={}, or --init takes the tensors that fit)", file.string(),
                option.key, option.is, option.was, option.key, option.is);
  }
  expected.model.backbone.weights.clear();  // the file has its own
  auto student = std::make_shared<Detector>(expected.model, static_cast<int>(classes.size()));
  load_state(*student, named_state(*model.detector), file.string());
  return student;
}

}  // namespace

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
  if (request.student) return student_of(*request.student, request.options, classes);
  auto student = std::make_shared<Detector>(request.options.model, static_cast<int>(classes.size()));
  if (!request.init && !request.resume) warn_of_frozen(request.options.model.backbone);
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
