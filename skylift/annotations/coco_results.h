// COCO result JSON, whoever wrote it.
#pragma once

#include "skylift/annotations/detections.h"

namespace skylift {

/// [{"image_id", "category_id", "bbox": [x,y,w,h], "score"}, ...]. An entry's "file_name" and "category_name" (as we,
/// SAHI and in part Ultralytics write them) go before its numbers. Numbers alone are the ground truth's ids, or those
/// of Ultralytics where they can be nothing else: the image's stem, the class's index or index + 1. Detections of
/// classes that `truth` does not have are left out, which is said. Error: as read_detections.
DetectionSet read_coco_results(const std::filesystem::path& file, const AnnotationSet& truth, Problems* problems);

}  // namespace skylift
