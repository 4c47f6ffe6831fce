#include "skylift/teachers/detector_teacher.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include "skylift/core/error.h"

namespace skylift {

DetectorTeacher::DetectorTeacher(std::shared_ptr<Detector> detector, const ComputeDevice& compute)
    : detector_(std::move(detector)), compute_(compute), shape_(model_shape(*detector_)) {
  place(*detector_, compute_);
  detector_->eval();
  for (auto& parameter : detector_->parameters()) parameter.set_requires_grad(false);
}

DenseOutput DetectorTeacher::forward(const Batch& batch) {
  const at::NoGradGuard no_grad;
  const AutocastScope autocast(compute_);
  return detector_->forward(batch.images);
}

std::string DetectorTeacher::checksum() const { return tensors_checksum(*detector_); }

TeacherPtr open_detector_teacher(const std::filesystem::path& file, const std::vector<std::string>& classes,
                                 const ComputeDevice& compute) {
  const Model model = load_model(file);
  if (model.card.classes != classes) {
    throw Error(
        "{}: the teacher's classes are not the data's: got {}; expected {} (hint: data.classes takes the teacher's "
        "names in its "
        "order; exported to ONNX it may have others, --teacher-classes)",
        file.string(), fmt::join(model.card.classes, ", "), fmt::join(classes, ", "));
  }
  return std::make_unique<DetectorTeacher>(model.detector, compute);
}

}  // namespace skylift
