// Ultralytics data sets: a data.yaml and, beside each .../images/.../NAME.jpg, a text .../labels/.../NAME.txt with
// lines "class cx cy w h", classes from 0, centre and size divided by the image's size.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Keys of data.yaml: names (list, or map from index), train, val, test (a folder, a .txt list of images, or a list of
/// these), path (the root they are relative to; itself relative to the file). `split` may be empty where only one is
/// there or all are the same: a number measured on the wrong split is worse than one more word. An image without a text
/// file has no objects, as there. Opens every image's header for its size. Error: malformed (with the line), a class or
/// a coordinate out of range.
AnnotationSet read_yolo(const std::filesystem::path& yaml, const std::string& split = {}, Problems* problems = nullptr);

/// A .yaml file, or a folder with data.yaml.
bool is_yolo(const std::filesystem::path& path);

/// The same from such a folder too.
AnnotationSet open_yolo(const std::filesystem::path& path, const std::string& split, Problems* problems);

/// "FILE:LINE".
std::string yolo_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Writes data.yaml and labels/; the images belong into images/. Boxes are clipped to the image, as Ultralytics
/// demands. Error: an image whose size is not known.
void write_yolo(const std::filesystem::path& folder, const AnnotationSet& set);

/// The text file of an image: its last folder named images becomes labels.
std::filesystem::path yolo_label_path(const std::filesystem::path& image);

}  // namespace skylift
