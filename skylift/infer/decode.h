// From dense maps to boxes: threshold, best candidates a level, decode, class-aware NMS.
// Two variants of the candidate choice exist in the field and both are here; everything after it is common.
#pragma once

#include <string>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/data/sample.h"
#include "skylift/formats/detections.h"
#include "skylift/models/dense_output.h"

namespace skylift {

struct DecodeOptions {
  double score_threshold = 0.05;  ///< (location, class) pairs at or below it are dropped
  int candidates = 1000;          ///< kept a level before NMS
  std::string candidate_unit =
      "pairs";               ///< "pairs": best (location, class) pairs, as mmdetection 3.x; "locations": best
                             ///< locations by their best class, all their classes kept, as CEASC and LD
  double nms_iou = 0.6;      ///< a box is suppressed by a better one of its class with more overlap
  int max_detections = 500;  ///< an image; drone images need many more than COCO's 100
};

void bind(OptionSection section, DecodeOptions& options);

/// One list an image, by descending score, boxes in pixels of the original image and inside it. Runs on the output's
/// device up to the candidates, then on the CPU.
DetectionSet decode(const DenseOutput& output, const std::vector<ImageGeometry>& geometries,
                    const DecodeOptions& options);

}  // namespace skylift
