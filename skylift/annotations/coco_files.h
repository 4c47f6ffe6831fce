// Where COCO's writers put things: the JSON in a folder, and the images of a JSON.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

struct CocoPlace {
  std::filesystem::path file;  ///< empty: no such
  std::string image_folder;    ///< empty: to be found
};

bool has_coco_file(const std::filesystem::path& folder);

/// What PATH[:PART] means. A folder stands for the file that `data convert`, Roboflow or Label Studio write into it, or
/// for the one in its annotations/, where several are told apart by PART ("val2017" of instances_val2017.json). Error:
/// several and no PART.
CocoPlace find_coco_file(const std::filesystem::path& path, const std::string& part);

/// Sets `image_folder` and spells `file` of each image as it lies there. Looks beside the file, in images/ there, and
/// where the official sets, CVAT and Datumaro have them beside annotations/; then in the only folder beside the file, or
/// beside its annotations/, that has them all. Reported: a whole path whose image is another than the one found; in a
/// folder that was given a name that would be found only without a folder before it that is another.
void find_coco_images(AnnotationSet& set, const std::filesystem::path& given_folder, Problems* problems);

}  // namespace skylift
