// PASCAL VOC folders: JPEGImages/NAME.jpg and Annotations/NAME.xml, both perhaps with folders within; also images/ and
// annotations/, or XML beside the images, as LabelImg, Roboflow and CVAT leave them. Corners there are 1-based and
// inclusive: the first pixel alone is xmin = xmax = 1, here x = 0, w = 1.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

bool is_voc(const std::filesystem::path& folder);

/// `split` names a list ImageSets/Main/SPLIT.txt; empty: all of JPEGImages/.
/// Class names come from classes.txt in the folder (one a line) where there is one, which gives their order and those
/// without an object; else they are the names in all of Annotations/, sorted (VOC's own twenty are).
/// Error: no such folders, an image without an annotation file or the reverse, malformed XML or values (with the line).
AnnotationSet read_voc(const std::filesystem::path& folder, const std::string& split = {},
                       Problems* problems = nullptr);

/// "FILE:LINE".
std::string voc_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Writes Annotations/ and classes.txt; the images belong into JPEGImages/. Boxes are clipped to the image; objects of no
/// class and those outside of it are left out. Error: an image whose size is not known.
void write_voc(const std::filesystem::path& folder, const AnnotationSet& set);

}  // namespace skylift
