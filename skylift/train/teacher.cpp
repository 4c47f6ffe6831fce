#include "skylift/train/teacher.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/dist/processes.h"
#include "skylift/infer/predictor.h"
#include "skylift/infer/torch_engine.h"
#include "skylift/teachers/open_teacher.h"
#include "skylift/train/validation.h"

namespace skylift {

namespace {

std::string name_of(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : files) names.push_back(file.string());
  return fmt::format("{}", fmt::join(names, " + "));
}

/// At the teacher's own size: with kd.teacher_scale, and no larger than it can take.
Preprocess input_of(const TeacherNetwork& teacher, const RunOptions& options) {
  Preprocess input = options.data.input;
  for (int* side : {&input.long_side, &input.short_side, &input.pad_multiple}) *side *= options.kd.teacher_scale;
  if (const int most = teacher.largest_side(); most > 0) {
    input.long_side = std::min(input.long_side, most);
    input.short_side = std::min(input.short_side, most);
  }
  return input;
}

EvalResult score_network(TeacherNetwork& teacher, const Teacher& whole, const Dataset& val_set,
                         const RunOptions& options, const ProgressCallback& progress) {
  const int scale = options.kd.teacher_scale;
  const auto forward = [&teacher, scale](const at::Tensor& images) {
    Batch batch;
    batch.images = images;
    DenseOutput output = teacher.forward(batch);
    for (int& stride : output.strides) stride *= scale;  // in pixels of these images
    return output;
  };
  const ModelCard card{.options = options.model,
                       .classes = whole.train_set.classes(),
                       .preprocess = input_of(teacher, options),
                       .recipe = {},
                       .scores = {}};
  const Predictor predictor(make_torch_engine(forward, card, whole.compute), options.decode);
  return validate(predictor, val_set, options.eval,
                  {.batch_size = options.train.batch_size,
                   .threads = options.data.threads,
                   .limit = options.kd.teacher_check_images},
                  progress);
}

/// Boxes in a file against the annotations of the training images that they were made for.
EvalResult score_boxes(DetectionSet found, const Dataset& train_set, const RunOptions& options) {
  DetectedSet set{train_set.annotations(), std::move(found)};
  const size_t count = std::min(set.detections.size(), static_cast<size_t>(options.kd.teacher_check_images));
  set.truth.images.resize(count);
  set.detections.resize(count);
  keep_classes(set, train_set.classes(), "the teacher");
  fill_image_sizes(set.truth);  // which protocols with ignored regions ask for
  return evaluate(set.truth, set.detections, options.eval);
}

}  // namespace

Teacher::Teacher(const std::vector<std::filesystem::path>& files, const RunOptions& options, const Dataset& images,
                 const ComputeDevice& device, const Dataset* unlabelled)
    : network(open_teacher(files, {options.kd, options.model, options.data.input, images, device, unlabelled})),
      name(name_of(files)),
      compute(device),
      train_set(images) {}

std::optional<EvalResult> Teacher::check_score(const Dataset& val_set, const RunOptions& options,
                                               const ProgressCallback& progress) const {
  if (options.kd.teacher_check_images == 0) return std::nullopt;
  const std::optional<DetectionSet> boxes = network->detections();
  const EvalResult result = boxes ? score_boxes(*boxes, train_set, options)
                                  : score_network(network->scored(), *this, val_set, options, progress);
  if (!is_first_process()) return std::nullopt;
  if (result.means.ap50 < 0) {
    log_warning("teacher {}: not checked: the first {} validation images have no object (kd.teacher_check_images)",
                name, result.images);
    return std::nullopt;
  }
  log_info("teacher {}: AP {:.2f}, AP50 {:.2f} on {} {} images ({} protocol)", name, 100 * result.means.ap,
           100 * result.means.ap50, result.images, boxes ? "training" : "validation", result.protocol);
  if (result.means.ap50 < options.kd.min_teacher_ap50) {
    throw Error(
        "{}: the teacher scores AP50 {:.4f}, expected at least {} (hint: is it the right file, trained on these "
        "classes? Another tool's: are its channels, mean and deviation those that the log names? --set "
        "kd.min_teacher_ap50=0 goes on all the same)",
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
