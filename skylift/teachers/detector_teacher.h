// A teacher that is a model of ours: live, with features and distributions.
#pragma once

#include "skylift/infer/device.h"
#include "skylift/models/model_file.h"
#include "skylift/teachers/teacher_network.h"

namespace skylift {

class DetectorTeacher : public TeacherNetwork {
 public:
  /// Takes the model to the device and freezes it.
  DetectorTeacher(std::shared_ptr<Detector> detector, const ComputeDevice& compute);

  const ModelShape& shape() const override { return shape_; }
  DenseOutput forward(const Batch& batch) override;
  std::string checksum() const override;
  Detector* detector() const override { return detector_.get(); }

 private:
  std::shared_ptr<Detector> detector_;
  ComputeDevice compute_;
  ModelShape shape_;
};

/// Error: not a model file, other classes than the data's (in another order counts as other).
TeacherPtr open_detector_teacher(const std::filesystem::path& file, const std::vector<std::string>& classes,
                                 const ComputeDevice& compute);

}  // namespace skylift
