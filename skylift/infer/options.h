// What can be chosen about detection, as plain structs: part of the stable interface of skylift/infer/predictor.h.
#pragma once

#include <string>

namespace skylift {

/// From the network's maps to boxes (skylift/infer/decode.h).
struct DecodeOptions {
  double score_threshold = 0.05;  ///< (location, class) pairs at or below it are dropped
  int candidates = 1000;          ///< kept a level before NMS
  std::string candidate_unit =
      "pairs";               ///< "pairs": best (location, class) pairs, as mmdetection 3.x; "locations": best
                             ///< locations by their best class, all their classes kept, as CEASC and LD
  double nms_iou = 0.6;      ///< a box is suppressed by a better one of its class with more overlap
  int max_detections = 500;  ///< a run of the network, so of each tile or whole image: an image in tiles may have more;
                             ///< drone images need many more than COCO's 100
};

/// How overlapping detections of several tiles become one (skylift/infer/merge.h).
struct MergeOptions {
  std::string method = "nms";   ///< "nms": the best stays; "greedy-nmm": it grows over those it matches; "nmm": also
                                ///< over those that they match
  std::string metric = "ios";   ///< "iou", or "ios": intersection over the smaller area, high for parts of an object
  double threshold = 0.5;       ///< overlap from which two detections match, in (0,1]
  bool across_classes = false;  ///< whether detections of different classes match
};

/// Large images in overlapping tiles (skylift/infer/tiling.h).
struct TilingOptions {
  int tile_px = 0;         ///< side of a tile in the image as given; 0: the image as a whole
  double overlap = 0.2;    ///< of neighbouring tiles, as a part of their side, in [0,0.9]
  bool full_image = true;  ///< one pass over the whole image besides, for what is larger than a tile
  MergeOptions merge;
};

/// What may differ from call to call.
struct DetectOptions {
  DecodeOptions decode;
  TilingOptions tiling;
};

/// Error (skylift/core/error.h): a value out of its range.
void check(const DetectOptions& options);

}  // namespace skylift
