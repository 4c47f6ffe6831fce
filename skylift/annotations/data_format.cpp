#include "skylift/annotations/data_format.h"

#include <array>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/uavdt.h"
#include "skylift/annotations/visdrone.h"
#include "skylift/annotations/voc.h"
#include "skylift/annotations/yolo.h"
#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;

// A folder of ours may hold both annotations.json or data.yaml and images/, so these two come first; VOC's images/ and
// annotations/ tell themselves from VisDrone's by their XML.
std::span<const DataFormat> data_format_table() {
  static const std::array table = {
      DataFormat{.name = "coco",
                 .looks_like = "FILE.json[:IMAGE_DIR] or a folder[:SPLIT] with annotations.json or annotations/*.json",
                 .recognise = is_coco,
                 .read = [](const DataPlace& at, Problems* problems) { return open_coco(at.path, at.part, problems); },
                 .write = [](const fs::path& folder,
                             const AnnotationSet& set) { write_coco(folder / "annotations.json", set); },
                 .position = coco_position,
                 .image_folder = "images",
                 .file_per_image = false,
                 .holds_sizes = true,
                 .regions = true,
                 .no_class = true,
                 .difficult = true,
                 .own_areas = true,
                 .ignored = Flag::kept,
                 .crowd = Flag::kept},
      DataFormat{.name = "yolo",
                 .looks_like =
                     "data.yaml[:SPLIT], obj.data[:SPLIT], or a folder with one of them, or with classes.txt and "
                     "texts in labels/ or beside the images",
                 .recognise = is_yolo,
                 .read = [](const DataPlace& at,
                            Problems* problems) { return open_yolo(at.path, at.part, problems, at.reading); },
                 .write = write_yolo,
                 .position = yolo_position,
                 .image_folder = "images",
                 .holds_sizes = true,
                 .boxes_outside = false,
                 .highest_truncation = 0,
                 .highest_occlusion = 0},
      DataFormat{.name = "voc",
                 .looks_like = "a folder[:SPLIT] with JPEGImages/ and Annotations/ or with XML files",
                 .recognise = is_voc,
                 .read = [](const DataPlace& at, Problems* problems) { return read_voc(at.path, at.part, problems); },
                 .write = write_voc,
                 .position = voc_position,
                 .image_folder = "JPEGImages",
                 .image_names = ImageNames::flat,
                 .holds_sizes = true,
                 .difficult = true,
                 .boxes_outside = false,
                 .ignored = Flag::becomes_difficult,
                 .highest_truncation = 1,
                 .highest_occlusion = 1},
      DataFormat{.name = "visdrone",
                 .looks_like = "a folder with images/ and annotations/",
                 .recognise = is_visdrone,
                 .read = [](const DataPlace& at, Problems* problems) { return read_visdrone(at.path, problems); },
                 .write = write_visdrone,
                 .position = visdrone_position,
                 .image_folder = "images",
                 .image_names = ImageNames::flat,
                 .regions = true,
                 .no_class = true,
                 .ignored = Flag::kept,
                 .crowd = Flag::becomes_ignored,
                 .highest_truncation = 1,
                 .highest_occlusion = 2,
                 .classes = &visdrone_classes()},
      DataFormat{.name = "uavdt",
                 .looks_like = "a folder[:train|test] with GT/*_gt_whole.txt",
                 .recognise = is_uavdt_root,
                 .read = [](const DataPlace& at, Problems* problems) { return read_uavdt(at.path, at.part, problems); },
                 .write = write_uavdt,
                 .position = uavdt_position,
                 .image_folder = "UAV-benchmark-M",
                 .image_names = ImageNames::sequence_frames,
                 .regions = true,
                 .highest_truncation = 2,
                 .highest_occlusion = 3,
                 .classes = &uavdt_classes()},
  };
  return table;
}

const std::vector<std::string>& data_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const auto& format : data_format_table()) out.emplace_back(format.name);
    return out;
  }();
  return names;
}

const DataFormat& data_format(std::string_view name) {
  for (const auto& format : data_format_table()) {
    if (name == format.name) return format;
  }
  throw Error("unknown format '{}'{}", name, suggestion(name, data_formats()));
}

}  // namespace skylift
