// The formats of data sets, one row each. A format is its own files (coco.h, yolo.h, ...) and its row here: opening,
// writing and checking a data set ask the row and know no format by name.
#pragma once

#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// What a format makes of an object's flag.
enum class Flag { kept, becomes_ignored, becomes_difficult, object_left_out };

/// How images may be called below the format's image folder.
enum class ImageNames { nested, flat, sequence_frames };

/// What a SPEC names.
struct DataPlace {
  std::filesystem::path path;
  std::string part;  ///< behind the last colon; empty: none
  ImageReading reading;
};

struct DataFormat {
  const char* name;
  const char* looks_like;  ///< for messages; has a ':' where a SPEC may name a part

  bool (*recognise)(const std::filesystem::path&);
  AnnotationSet (*read)(const DataPlace&, Problems*);
  void (*write)(const std::filesystem::path& folder, const AnnotationSet&);
  /// Where an object is written: "FILE:LINE", or a JSON path.
  std::string (*position)(const AnnotationSet&, const ImageRecord&, const Object&);

  const char* image_folder;  ///< of a written set
  ImageNames image_names = ImageNames::nested;
  bool file_per_image = true;  ///< annotations stand in a file of the image's name, so a.jpg and a.png would share it
  bool holds_sizes = false;    ///< of images, or boxes as shares of them
  bool regions = false;        ///< ignored regions
  bool no_class = false;       ///< objects of no class
  bool difficult = false;
  bool own_areas = false;     ///< areas other than width x height
  bool boxes_outside = true;  ///< boxes may reach beyond their image
  Flag ignored = Flag::object_left_out, crowd = Flag::object_left_out;
  int highest_truncation = std::numeric_limits<int>::max(), highest_occlusion = std::numeric_limits<int>::max();
  const std::vector<std::string>* classes = nullptr;  ///< null: any
};

/// In the order in which a SPEC is tried.
std::span<const DataFormat> data_format_table();

/// Names of the formats.
const std::vector<std::string>& data_formats();

/// Error: an unknown name (lists the known ones).
const DataFormat& data_format(std::string_view name);

}  // namespace skylift
