#include "skylift/train/teacher.h"

#include <fmt/ranges.h>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/dist/processes.h"
#include "skylift/train/validation.h"

namespace skylift {

Teacher::Teacher(const std::filesystem::path& path, const RunOptions& options, const std::vector<std::string>& classes,
                 const ComputeDevice& compute)
    : model(load_model(path)), name(path.string()), compute(compute) {
  if (model.card.classes != classes) {
    throw Error(
        "{}: the teacher's classes are not the data's: got {}; expected {} (hint: train a teacher on this data)", name,
        fmt::join(model.card.classes, ", "), fmt::join(classes, ", "));
  }
  place(*model.detector, compute);
  model.detector->eval();
  for (auto& parameter : model.detector->parameters()) parameter.set_requires_grad(false);
  model.card.preprocess = options.data.input;  // the teacher sees the student's batches
}

std::optional<EvalResult> Teacher::check_score(const Dataset& val_set, const RunOptions& options,
                                               const ProgressCallback& progress) const {
  if (options.kd.teacher_check_images == 0) return std::nullopt;
  const Predictor predictor(model, options.decode, compute);
  const EvalResult result = validate(predictor, val_set, options.eval,
                                     {.batch_size = options.train.batch_size,
                                      .threads = options.data.threads,
                                      .limit = options.kd.teacher_check_images},
                                     progress);
  if (!is_first_process()) return std::nullopt;
  if (result.means.ap50 < 0) {
    log_warning("teacher {}: not checked: the first {} validation images have no object (kd.teacher_check_images)",
                name, result.images);
    return std::nullopt;
  }
  log_info("teacher {}: AP {:.2f}, AP50 {:.2f} on {} validation images ({} protocol)", name, 100 * result.means.ap,
           100 * result.means.ap50, result.images, result.protocol);
  if (result.means.ap50 < options.kd.min_teacher_ap50) {
    throw Error(
        "{}: the teacher scores AP50 {:.4f} on the validation images, expected at least {} (hint: is it the right "
        "file, trained "
        "on these classes? --set kd.min_teacher_ap50=0 goes on all the same)",
        name, result.means.ap50, options.kd.min_teacher_ap50);
  }
  return result;
}

MetricValues score_values(const EvalResult& result) {
  const EvalMeans& means = result.means;
  MetricValues values = {{"AP", means.ap},
                         {"AP50", means.ap50},
                         {"AP75", means.ap75},
                         {"AP_small", means.ap_small},
                         {"AP_medium", means.ap_medium},
                         {"AP_large", means.ap_large}};
  for (const ClassResult& one : result.per_class) values.emplace_back("AP/" + one.name, one.ap);
  return values;
}

}  // namespace skylift
