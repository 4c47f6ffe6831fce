// Boxes from the maps within the graph: threshold, best candidates a level, decode, class-aware NMS; the steps of
// `skylift predict` in the same order, so that the detections are the same.
#pragma once

#include <vector>

#include "skylift/export/onnx_convert.h"
#include "skylift/export/onnx_model.h"

namespace skylift {

/// What the maps mean. Shapes: B images, C classes, R highest bin, K candidates of a level, P of all levels and the
/// padding, N = max_detections.
struct OnnxGrid {
  std::vector<int> strides;  ///< px, parallel to the levels
  int class_count = 0;
  int reg_max = 0;
};

/// Adds nodes and the outputs "boxes", "scores", "classes" and "count". `levels` are float maps; `content_size` [B,2];
/// `batch`: the first dimension of the outputs.
void add_detections(OnnxGraph& graph, const std::vector<OnnxLevel>& levels, const OnnxGrid& grid,
                    const std::string& content_size, const OnnxNms& nms,
                    const std::variant<int64_t, std::string>& batch);

}  // namespace skylift
