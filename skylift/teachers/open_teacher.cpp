#include "skylift/teachers/open_teacher.h"

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/infer/open_engine.h"
#include "skylift/kd/methods.h"
#include "skylift/teachers/combined_teachers.h"
#include "skylift/teachers/detections_teacher.h"
#include "skylift/teachers/detector_teacher.h"
#include "skylift/teachers/onnx_teacher.h"
#include "skylift/teachers/teacher_levels.h"

namespace skylift {
namespace {

TeacherPtr open_one(const std::filesystem::path& file, const TeacherPlace& place) {
  if (is_folder(file) && is_there(file / "last.safetensors"))
    throw Error("{0}: is a run's folder, expected a file (hint: {0}/best.safetensors)", file.string());
  const bool boxes = is_folder(file) || file.extension() == ".json";
  if (!boxes && is_onnx_file(file)) return open_onnx_teacher(file, place);
  if (!place.kd.teacher_classes.empty())
    throw Error("--teacher-classes: {} is {}", file.string(),
                boxes
                    ? "boxes in a file, whose classes must have the data's names (hint: skylift predict --map FROM=TO "
                      "writes them so)"
                    : "a model of ours, whose classes must be the data's (hint: export it to ONNX)");
  if (boxes) return open_detections_teacher(file, place);
  return open_detector_teacher(file, place.train_set.classes(), place.compute);
}

/// What the teacher finds on levels that the student lacks would be background for the student.
TeacherPtr folded(TeacherPtr teacher, const DistillOptions& kd, int finest) {
  if (!has_levels_to_fold(*teacher, finest)) return teacher;
  if (kd.teacher_fold && scores_and_boxes_suffice(kd)) {
    log_info("the teacher's levels below stride {}, which the student lacks, are folded into that one", finest);
    return with_levels_folded(std::move(teacher), finest);
  }
  log_warning(
      "the teacher's finest level (stride {} in the student's pixels) has no counterpart in the student, whose finest "
      "one (stride {}) is taught that the small objects found there are background (hint: a smaller "
      "model.neck.first_level, or kd.teacher_fold with methods of scores and boxes alone)",
      teacher->shape().strides.front(), finest);
  return teacher;
}

}  // namespace

TeacherPtr open_teacher(const std::vector<std::filesystem::path>& files, const TeacherPlace& place) {
  std::vector<TeacherPtr> teachers;
  for (const std::filesystem::path& file : files) teachers.push_back(open_one(file, place));
  const bool boxes = std::ranges::any_of(teachers, [](const TeacherPtr& one) { return one->detections().has_value(); });
  if (boxes && (place.kd.teacher_scale > 1 || place.kd.teacher_flip))
    throw Error("kd.teacher_scale, kd.teacher_flip: the teacher is boxes in a file, which sees no image");
  TeacherPtr teacher = teachers.size() == 1 ? std::move(teachers.front()) : mean_of_teachers(std::move(teachers));
  if (place.kd.teacher_flip) teacher = flipped_too(std::move(teacher));
  if (place.kd.teacher_scale > 1) teacher = at_scale(std::move(teacher), place.kd.teacher_scale);
  if (place.kd.teacher_finer) teacher = with_finer_levels(std::move(teacher), place.student.neck.strides());
  return folded(std::move(teacher), place.kd, place.student.neck.strides().front());
}

}  // namespace skylift
