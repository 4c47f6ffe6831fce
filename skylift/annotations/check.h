// Everything that is wrong with a data set, in one pass: in its files, in its boxes and in its images.
#pragma once

#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Where an object is written: "FILE:LINE", or "FILE: $.annotations[3]". `set.source` and `object.line` must be a
/// reader's.
std::string object_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

struct CheckResult {
  AnnotationSet set;  ///< what could be read, with the sizes of the images
  Problems problems;  ///< malformed parts first, then image by image
};

/// Opens a SPEC and looks at all of it: what the readers report; images that are missing, unreadable, cut off (a JPEG
/// without its end marker, a PNG without its last chunk) or of another size than the annotations say; boxes that have
/// no area, reach outside their image by more than half a pixel or stand twice with one class; COCO ids that stand
/// twice; a file under two ids; a set without images or objects. The set's notes name images that EXIF turns. Error
/// only where there is nothing to look at: no such file, no known format, JSON that cannot be cut into records.
CheckResult check_data(std::string_view spec, int threads = 0);

}  // namespace skylift
