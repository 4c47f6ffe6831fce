// A detector as an ONNX model. Batch norm and Light-ML are folded; the tensors carry the names of the parameters;
// metadata say what a user needs to know.
//
// Raw form. Input "images" [B,3,H,W] float: RGB, normalised and padded as in training. Outputs for every level of
// stride S, finest first: "cls_logits_S" [B,C,H/S,W/S] and "box_logits_S" [B,4(R+1),H/S,W/S], what DenseOutput holds.
//
// Decoded form, with `nms` set. A second input "content_size" [B,2] float: height and width (px) of each image without
// its padding; boxes are clipped to it. Outputs, N = max_detections: "boxes" [B,N,4] x1,y1,x2,y2 in px of the network's
// input, "scores" [B,N] descending, "classes" [B,N] int64, "count" [B] int64: how many are detections. The places after
// them hold boxes and scores of 0 and class -1.
//
// Metadata: "skylift.model" (the card, as in model files), and in plain sight of tools that know nothing of Skylift:
// "classes", "preprocess", "strides", "size_multiple", "form", "precision", "recipe".
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "skylift/models/model_file.h"

namespace skylift {

/// Sides of images for a model of free size are multiples of this: the maps that the pyramid adds are then halves of
/// each other.
inline constexpr int onnx_size_multiple = 32;

struct OnnxNms {
  double score_threshold = 0.05;  ///< (location, class) pairs at or below it are dropped
  int candidates = 1000;          ///< (location, class) pairs kept a level
  double nms_iou = 0.6;           ///< a box is suppressed by a better one of its class with more overlap
  int max_detections = 500;       ///< an image
};

struct OnnxOptions {
  int batch = 0;              ///< images, 0: any number
  int height = 0, width = 0;  ///< px; both 0: any multiples of onnx_size_multiple
  bool half = false;          ///< weights and arithmetic in float16; inputs, outputs, group norm and NMS stay float
  std::optional<OnnxNms> nms = {};  ///< decoded form
};

/// The model that is to be written to `out`. Images must fit a fixed input, so where it is smaller than the model's own
/// size the card says that they are scaled to it. Error: `out` is the model's file.
Model load_for_onnx(const std::filesystem::path& file, const std::filesystem::path& out, const OnnxOptions& options);

/// The serialised model. Error: options out of range, an operation that has no counterpart here (names it), weights
/// above 2 GB, or above the range of float16 with `half`.
std::string onnx_model(const Model& model, const OnnxOptions& options);

}  // namespace skylift
