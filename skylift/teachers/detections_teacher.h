// A teacher that is a file of boxes, whatever found them: an ensemble, tiles at full resolution, a closed service. They
// follow every scale, crop and flip of the images, so they cost nothing in training.
#pragma once

#include <filesystem>

#include "skylift/teachers/open_teacher.h"

namespace skylift {

/// COCO results or a VisDrone folder (read_detections) of the training images. Error: not such a file, no image or no
/// class of it is the training set's.
TeacherPtr open_detections_teacher(const std::filesystem::path& file, const TeacherPlace& place);

}  // namespace skylift
