// From another tool's outputs to scores and boxes.
#pragma once

#include <vector>

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

/// [B,2] int64: the size of images [B,3,H,W] as an input of that name asks for it: (height, width) of the content in our own
/// decoded form ("content_size"), (width, height), which boxes are multiplied by, in RT-DETR's and D-FINE's.
at::Tensor asked_size(const std::string& input, const at::Tensor& images);

/// Of a layout "rows" or "levels" over an image of height x width px; scores are of the teacher's classes.
DecodedMaps decode_dense(const std::vector<ForeignLevel>& levels, const ForeignLayout& layout, int64_t height,
                         int64_t width);

/// Whether an output beside boxes is a logit of every class: DETR's `logits`, or RF-DETR's `labels` [B,K,C+1].
bool are_class_scores(const NamedTensor& output);

/// Whether outputs hold boxes with a score and a class each.
bool are_finished_boxes(const std::vector<NamedTensor>& outputs);

/// Of a layout "detections", one an image. Error: outputs of other shapes.
std::vector<FoundBoxes> decode_finished(const std::vector<NamedTensor>& outputs, const ForeignLayout& layout,
                                        int64_t height, int64_t width, const std::string& name);

}  // namespace skylift
