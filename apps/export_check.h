// Whether an exported model computes what its source does, on one image.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "skylift/data/sample.h"
#include "skylift/export/onnx_model.h"

namespace skylift {

/// What the network reads for one image.
struct ExportInput {
  at::Tensor images;       ///< [B,3,H,W] float; the same image B times
  ImageGeometry geometry;  ///< of the image on it
};

/// What a decoded model reads beside it, [B,2] float: height and width of the image on the input.
at::Tensor content_size(const ExportInput& input);

/// The image as the exported model wants it: scaled and padded as `skylift predict` does, or into the fixed size.
ExportInput export_input(const cv::Mat& rgb, const Preprocess& preprocess, const OnnxOptions& options);

/// Runs both, and says how much they differ. Error: more than the limit of the precision.
std::string check_export(const std::string& onnx, const Model& model, const OnnxOptions& options,
                         const ExportInput& input);

}  // namespace skylift
