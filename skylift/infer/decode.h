// From dense maps to boxes: threshold, best candidates a level, decode, class-aware NMS.
// Two variants of the candidate choice exist in the field and both are here; everything after it is common.
//
// It reads what it needs: every class logit once, compared in logit space, and the box logits of candidates alone.
#pragma once

#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/data/sample.h"
#include "skylift/infer/engine.h"
#include "skylift/infer/options.h"
#include "skylift/models/dense_output.h"

namespace skylift {

/// Image `image` of the batch: detections by descending score, boxes in pixels of the original image and inside it.
std::vector<Detection> decode(const OutputView& output, int image, const ImageGeometry& geometry,
                              const DecodeOptions& options);

/// The same for a detector's output on any device, one list an image.
DetectionSet decode(const DenseOutput& output, const std::vector<ImageGeometry>& geometries,
                    const DecodeOptions& options);

/// A detector's maps as contiguous floats on the CPU; copied where they are not.
class HostOutput {
 public:
  explicit HostOutput(const DenseOutput& output);
  const OutputView& view() const { return view_; }

 private:
  std::vector<at::Tensor> maps_;
  OutputView view_;
};

}  // namespace skylift
