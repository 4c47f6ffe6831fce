// A data set written in another format, with an account of what that format has no place for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/data_format.h"

namespace skylift {

/// How the images get into the new folder.
enum class ImagePlacement { link, copy, none };  ///< a symbolic link each; a copy each; the annotations alone

struct WriteReport {
  std::filesystem::path folder;                          ///< what was written; open_data opens it
  int64_t images = 0, objects = 0, ignored_regions = 0;  ///< written
  std::vector<std::pair<std::string, int64_t>> lost;     ///< what the format cannot hold, and how many; empty: nothing
};

/// Writes DIR in the layout of `format` (a row of data_format.h): visdrone images/ annotations/; coco annotations.json
/// images/; voc JPEGImages/ Annotations/; yolo data.yaml images/ labels/; uavdt GT/ UAV-benchmark-M/. Sizes that a
/// format needs are read from the images' headers.
///
/// What is not held becomes what other tools of that format make of it: YOLO and UAVDT leave ignored objects and crowds
/// out, VOC marks ignored ones difficult and leaves crowds out, VisDrone marks crowds ignored and calls unknown classes
/// "others". Error: an unknown format, a folder that is not empty, images whose names coincide there, an image that is
/// missing where it is needed.
WriteReport write_data(std::string_view format, const std::filesystem::path& folder, AnnotationSet set,
                       ImagePlacement placement = ImagePlacement::link);

}  // namespace skylift
