// From images to detections: resize, normalise, pad, forward, decode, NMS. The same path scores a model and serves a
// user.
#pragma once

#include <opencv2/core/mat.hpp>
#include <vector>

#include "skylift/infer/decode.h"
#include "skylift/infer/device.h"
#include "skylift/models/model_file.h"

namespace skylift {

class Predictor {
 public:
  /// Moves the model to the device; the detector is shared, so a model in training can be scored in place.
  Predictor(Model model, const DecodeOptions& decode, const ComputeDevice& compute);

  /// Images as decode_rgb gives them, of any sizes -> one list of detections each, in pixels of the images as given.
  /// The images of a call go through the network as one batch: the caller bounds it.
  DetectionSet predict(const std::vector<cv::Mat>& images_rgb) const;

  /// The same for a batch that a loader made ready.
  DetectionSet predict(const Batch& batch) const;

  const ModelCard& card() const { return model_.card; }
  const ComputeDevice& compute() const { return compute_; }

 private:
  Model model_;
  DecodeOptions decode_;
  ComputeDevice compute_;
};

}  // namespace skylift
