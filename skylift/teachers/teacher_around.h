// What teachers that are made of one other share.
#pragma once

#include <utility>

#include "skylift/teachers/teacher_network.h"

namespace skylift {

/// A teacher that passes on what its inner one says, but for what it overrides.
class TeacherAround : public TeacherNetwork {
 public:
  explicit TeacherAround(TeacherPtr inner) : inner_(std::move(inner)) {}
  const ModelShape& shape() const override { return inner_->shape(); }
  at::Tensor known_classes() const override { return inner_->known_classes(); }
  std::string checksum() const override { return inner_->checksum(); }
  Detector* detector() const override { return inner_->detector(); }
  std::optional<DetectionSet> detections() const override { return inner_->detections(); }
  int largest_side() const override { return inner_->largest_side(); }

 protected:
  TeacherPtr inner_;
};

}  // namespace skylift
