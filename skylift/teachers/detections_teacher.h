// A teacher that is a file of boxes, whatever found them: an ensemble, tiles at full resolution, a closed service. They
// follow every scale, crop and flip of the images, so they cost nothing in training.
#pragma once

#include <filesystem>

#include "skylift/teachers/open_teacher.h"

namespace skylift {

/// COCO results or a VisDrone folder (read_detections) of the training images, and of the unlabelled ones where there
/// are any. Error: not such a file, no class of it is the training set's, no box on either.
TeacherPtr open_detections_teacher(const std::filesystem::path& file, const TeacherPlace& place);

}  // namespace skylift
