// The KD doctor (skylift distill --dry-run): is this teacher good for this student on this data, where do the methods
// look, and how strong are their terms? Nothing is trained and no run is written.
#pragma once

#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <vector>

#include "skylift/train/trainer.h"

namespace skylift {

/// Shares at the positive locations, 0..1. A bin agrees when it is at most one away.
struct Agreement {
  double classes = 0, bins = 0;
};

/// One term, or the detection loss. Means over the batches.
struct TermReport {
  std::string name;
  TermKind kind = TermKind::detection;
  double value = 0, gradient = 0;  ///< of the loss, and the L2 norm of its gradient at the student's weights
  double value_ratio = 0, gradient_ratio = 0;  ///< over the detection loss's
  double cosine = 0;  ///< between its gradient and the detection loss's: under 0 they pull against each other
};

struct SizeReport {
  std::string range;  ///< of sqrt(area) in the network's input
  int64_t objects = 0, without_location = 0;
  double locations = 0;  ///< rows of the region that belong to them
  double weight = 0;     ///< their share of the region's weight, 0..1
};

struct RegionReport {
  std::string name;
  int64_t locations = 0;  ///< rows
  double share = 0;       ///< of all locations
  double background = 0;  ///< share of the weight that belongs to no object
  std::vector<SizeReport> sizes = {};
};

/// A chosen method and the regions that it looks at; none: whole maps.
struct MethodPlaces {
  std::string method;
  std::vector<std::string> regions;
};

struct DoctorReport {
  std::string teacher;
  std::vector<MethodPlaces> methods;
  std::optional<EvalResult> teacher_score;
  bool scored_in_training = false;  ///< on the training set: of a teacher that is boxes in a file
  int64_t images = 0, objects = 0, positives = 0;
  Agreement teacher_truth, student_truth, teacher_student;
  double teacher_iou = 0, student_iou = 0;  ///< of the predicted box with its object, mean over the positives
  std::vector<TermReport> terms;            ///< the detection loss first
  std::vector<RegionReport> regions;
  std::vector<std::string> advice;  ///< one sentence each; empty: nothing stands out
  cv::Mat picture;                  ///< RGB: a row an image, region weights drawn over it
};

struct DoctorOptions {
  int images = 32;           ///< of the training set, augmented as in training
  int gradient_batches = 4;  ///< of them, for the gradients
  int pictures = 3;
};

/// request.folder and request.resume are not used. Error: as train_detector, but a teacher of a low score is reported
/// instead.
DoctorReport examine(const TrainRequest& request, const DoctorOptions& options, const ProgressCallback& progress = {});

std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

}  // namespace skylift
