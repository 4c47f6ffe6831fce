// COCO detection JSON: {"images", "annotations", "categories"}. Classes are ordered by category id, whatever the order
// in the file.
//
// What COCO has no place for travels in keys that other tools pass over, so a file of ours reads there as if it were
// not in it:
//   image:      "ignored_regions": [[x,y,w,h], ...]        areas where nothing is annotated
//               "other_objects": [{"bbox", ...}, ...]       objects of none of the classes (VisDrone's "others")
//   annotation: "ignore", "difficult": 1; "truncation", "occlusion": levels as in Object; all absent when 0
// Regions are not written as crowds of every class: ten annotations per region would be counted by every tool that
// reads them.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// `image_folder` empty: found by where the images are (coco_files.h).
/// Files of 500 MB open in about a second: the JSON is mapped, cut and parsed in pieces, polygons are passed over where
/// there are boxes. What has only one meaning is read in every spelling: whole numbers as 7.0, null for what is absent,
/// two categories of one name as one class, the box around polygons without one or around one that CVAT has turned.
/// Error: malformed (with the JSON path), an id that stands twice or is not known, an annotation without a box.
AnnotationSet read_coco(const std::filesystem::path& file, const std::filesystem::path& image_folder = {},
                        Problems* problems = nullptr);

/// A .json file, or a folder with one where find_coco_file looks.
bool is_coco(const std::filesystem::path& path);

/// The same from such a folder too.
AnnotationSet open_coco(const std::filesystem::path& path, const std::string& part, Problems* problems);

/// "FILE: $.annotations[3]".
std::string coco_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Error: an image whose size is not known (fill_image_sizes first). Annotation ids are kept if all are there, else
/// numbered.
void write_coco(const std::filesystem::path& file, const AnnotationSet& set);

/// An image's id as COCO's JSON has it: 7, "seq/a".
std::string id_json(const ImageRecord& image);

/// Text as a JSON string with its quotes. Error: not UTF-8.
std::string json_text(const std::string& text);

}  // namespace skylift
