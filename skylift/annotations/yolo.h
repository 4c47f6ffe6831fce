// YOLO data sets: a data.yaml (yolo_config.h) and, beside each .../images/.../NAME.jpg, a text .../labels/.../NAME.txt
// with lines "class cx cy w h", classes from 0, centre and size divided by the image's size. Where there is no labels/
// the text lies beside the image, as darknet and CVAT have it. A file of polygons or oriented boxes, "class x1 y1 x2 y2
// x3 y3 ...", gives the upright boxes around them.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// `split` may be empty where only one is there or all are the same: a number measured on the wrong split is worse than
/// one more word. An image without a text file has no objects, as in Ultralytics. Opens every image's header for its
/// size. Error: malformed (with the line), a class or a coordinate out of range, no image with a text file.
AnnotationSet read_yolo(const std::filesystem::path& file, const std::string& split = {}, Problems* problems = nullptr,
                        const ImageReading& reading = {});

/// A config file, or a folder with one.
bool is_yolo(const std::filesystem::path& path);

/// The same from such a folder too.
AnnotationSet open_yolo(const std::filesystem::path& path, const std::string& split, Problems* problems,
                        const ImageReading& reading);

/// "FILE:LINE".
std::string yolo_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Writes data.yaml and labels/; the images belong into images/. Boxes are clipped to the image, as Ultralytics
/// demands. Error: an image whose size is not known.
void write_yolo(const std::filesystem::path& folder, const AnnotationSet& set);

/// The text file of an image: its last folder named images becomes labels.
std::filesystem::path yolo_label_path(const std::filesystem::path& image);

}  // namespace skylift
