// A teacher behind one interface: a model of ours, another tool's network, boxes in a file, several of them. Whatever it
// is, a step sees a DenseOutput on the grid that it shares with the student.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "skylift/annotations/detections.h"
#include "skylift/data/sample.h"
#include "skylift/kd/method.h"

namespace skylift {

class TeacherNetwork {
 public:
  virtual ~TeacherNetwork() = default;

  /// What methods are made for: its classes are the student's. channels 0: it shows no features; bins false: its boxes
  /// are no distributions.
  virtual const ModelShape& shape() const = 0;

  /// Without gradient, on the batch's device.
  virtual DenseOutput forward(const Batch& batch) = 0;

  /// DenseOutput::known_classes of all its answers.
  virtual at::Tensor known_classes() const { return {}; }

  /// Tells teachers apart: of its weights or its file.
  virtual std::string checksum() const = 0;

  /// Our own model, for methods that use the network itself and for students that inherit from it. Null: another's.
  virtual Detector* detector() const { return nullptr; }

  /// Of a teacher that is boxes in a file: those, parallel to the training set's annotations.
  virtual std::optional<DetectionSet> detections() const { return std::nullopt; }

  /// What is scored: not the levels that were made of others.
  virtual TeacherNetwork& scored() { return *this; }

  /// The largest image that it takes, px; 0: any.
  virtual int largest_side() const { return 0; }
};

using TeacherPtr = std::unique_ptr<TeacherNetwork>;

}  // namespace skylift
