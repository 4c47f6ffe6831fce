// A network as a teacher, and images for it.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "skylift/teachers/detector_teacher.h"

namespace skylift::testing {

inline TeacherPtr teacher_of(const std::shared_ptr<Detector>& detector) {
  return std::make_unique<DetectorTeacher>(detector, ComputeDevice{});
}

/// Two of noise.
inline Batch noise_images(int64_t height, int64_t width) {
  torch::manual_seed(1);
  Batch batch;
  batch.images = torch::randn({2, 3, height, width});
  return batch;
}

}  // namespace skylift::testing
