// From another tool's outputs to scores and boxes.
#pragma once

#include <vector>

#include "skylift/infer/onnx_runner.h"
#include "skylift/teachers/dense_maps.h"
#include "skylift/teachers/foreign_layout.h"
#include "skylift/teachers/foreign_levels.h"

namespace skylift {

/// Finished boxes of one image.
struct FoundBoxes {
  at::Tensor boxes_xyxy;  ///< [K,4] px of the input
  at::Tensor scores;      ///< [K]
  at::Tensor labels;      ///< [K] int64, the teacher's classes
};

/// What a detector that takes more than images [B,3,H,W] takes besides, by the input's name: (height, width) of the
/// content, which is all of it here ("content_size" of our own decoded form, PaddleDetection's "im_shape"), a factor of 1
/// ("scale_factor"), ones (DETR's "pixel_mask"), else (width, height), which boxes are multiplied by (RT-DETR, D-FINE).
/// Error, beginning with `name`: something else.
at::Tensor further_input(const OnnxInput& input, const at::Tensor& images, const std::string& name);

/// Of a layout "rows" or "levels" over an image of height x width px; scores are of the teacher's classes.
DecodedMaps decode_dense(const std::vector<ForeignLevel>& levels, const ForeignLayout& layout, int64_t height,
                         int64_t width);

/// Whether an output beside boxes is a number for every class: DETR's `logits`, RF-DETR's `labels` [B,K,C+1], YOLO-NAS's
/// `scores` [B,K,C].
bool are_class_scores(const NamedTensor& output);

/// Whether outputs hold boxes with a score and a class each.
bool are_finished_boxes(const std::vector<NamedTensor>& outputs);

/// Of a layout "detections", one an image. Error: outputs of other shapes.
std::vector<FoundBoxes> decode_finished(const std::vector<NamedTensor>& outputs, const ForeignLayout& layout,
                                        int64_t height, int64_t width, const std::string& name);

}  // namespace skylift
