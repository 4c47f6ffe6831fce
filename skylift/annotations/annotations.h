// What every annotation format is read into and written from: images, their objects and their ignored regions.
// It holds what any of the formats can hold, so that a conversion loses only what the target has no place for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "skylift/formats/image_header.h"

namespace skylift {

/// A rectangle in pixels of the original image: left, top, width, height. Pixel edges, not centres; fractions are
/// allowed.
struct BoxXywh {
  double x = 0, y = 0, w = 0, h = 0;
  bool operator==(const BoxXywh&) const = default;
};

/// One annotated object.
struct Object {
  BoxXywh box;
  int class_index = 0;     ///< 0-based index into AnnotationSet::classes; -1: an object of none (VisDrone's "others")
  int truncation = 0;      ///< rising level: VisDrone 0 none, 1 partial; VOC 0 or 1; UAVDT 0 none, 1 small, 2 medium
  int occlusion = 0;       ///< rising level: VisDrone 0 none, 1 partial, 2 heavy; VOC 0 or 1; UAVDT 0 none .. 3 large
  bool crowd = false;      ///< COCO iscrowd: stands for a group of objects
  bool ignored = false;    ///< VisDrone score 0, COCO "ignore": neither a hit nor a miss
  bool difficult = false;  ///< VOC
  double area = -1;        ///< COCO's area in px^2 as the file gives it; -1: not given, use w*h
  int64_t id = 0;          ///< COCO annotation id; 0 elsewhere
  int line = 0;            ///< line of its text file, or index in COCO's list: see object_position in check.h
};

/// One image and all that is known of it.
struct ImageRecord {
  std::string file;                      ///< path relative to AnnotationSet::image_folder
  int64_t id = 0;                        ///< COCO image id; elsewhere 1, 2, ... in order of the file names
  int width = 0, height = 0;             ///< px; 0: not known before the image is opened
  std::vector<Object> objects;           ///< in file order
  std::vector<BoxXywh> ignored_regions;  ///< areas where nothing is annotated: neither positives nor negatives
  std::string id_text = {};              ///< COCO image id that is no number; `id` is then one of no other image
};

/// Something to say about a file: what was got, what was expected or assumed.
struct Problem {
  std::string where;  ///< "FILE:LINE" or "FILE: $.annotations[3].bbox"
  std::string what;
};

/// What is wrong, for `data check`. Readers given a list of problems note them and skip the bad line; without a list
/// the first one is thrown as an Error with the same text.
using Problems = std::vector<Problem>;

/// A data set: annotations only, never pixels.
struct AnnotationSet {
  std::string format;            ///< "visdrone", "coco", "uavdt", "voc" or "yolo"
  std::filesystem::path source;  ///< the annotations: COCO's file, YOLO's data.yaml, UAVDT's GT folder, else the root
  std::filesystem::path image_folder;             ///< where ImageRecord::file is found
  std::vector<std::string> classes;               ///< names by class index
  std::vector<int64_t> class_ids;                 ///< the file's own category ids, parallel to `classes`
  std::vector<std::pair<int64_t, int>> more_ids;  ///< further ids of classes that it names twice; -1: of no class
  std::vector<ImageRecord> images;
  ImageReading reading;  ///< the frame that sizes and boxes lie in
  Problems notes;        ///< no mistakes: what was assumed, passed over or taken in more than one spelling

  std::filesystem::path image_path(const ImageRecord& image) const { return image_folder / image.file; }
};

/// Class index by the file's own category id.
std::unordered_map<int64_t, int> class_of_id(const AnnotationSet& set);

/// Class index by name.
std::unordered_map<std::string, int> class_of_name(const std::vector<std::string>& classes);

/// A class with the file's id of it.
struct NamedClass {
  std::string name;
  int64_t id = 0;
};

/// The classes of a set, in this order. A name that stands twice is one class with both ids, which is noted: scores are
/// by name.
void set_classes(AnnotationSet& set, const std::vector<NamedClass>& classes);

/// The part of a box inside its image, whose size is known; w or h is not positive where there is none.
BoxXywh clipped(const BoxXywh& box, const ImageRecord& image);

/// Whether ImageRecord::file stays below the image folder, read as text: relative and without a leading "..".
bool stays_inside(const std::filesystem::path& file);

/// The ten classes that VisDrone evaluates, in its order (category ids 1..10).
const std::vector<std::string>& visdrone_classes();

/// The three of UAVDT (category ids 1..3): car, truck, bus.
const std::vector<std::string>& uavdt_classes();

}  // namespace skylift
