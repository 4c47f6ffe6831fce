// Detections as VisDrone's toolkit has them: a text file an image, found by its name, with lines
// x,y,w,h,score,category,-1,-1 in VisDrone's own numbers.
#pragma once

#include "skylift/annotations/detections.h"

namespace skylift {

/// The categories are VisDrone's whatever `truth` calls its own, and go by name; 0 and 11 (regions and "others") become
/// class_index -1. Images without a file have no detections, which is said. Error: as read_detections.
DetectionSet read_visdrone_results(const std::filesystem::path& folder, const AnnotationSet& truth, Problems* problems);

/// Error, beginning with `path`: a box or a score that is not finite.
void check_finite(const std::filesystem::path& path, const ImageRecord& image, const Detection& detection);

}  // namespace skylift
