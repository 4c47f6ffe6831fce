// Detections as they are stored and scored; docs/data.md, "Detections", has the rule by which two files meet.
#pragma once

#include <filesystem>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// One detected object in pixels of the original image.
struct Detection {
  BoxXywh box;
  double score = 0;     ///< confidence, higher is surer
  int class_index = 0;  ///< into the AnnotationSet::classes it is scored against; -1: a class that is not among them
};

/// Detections of a whole set, parallel to AnnotationSet::images; each image's in the order of its file.
using DetectionSet = std::vector<std::vector<Detection>>;

/// COCO result JSON (coco_results.h) or a folder of VisDrone text files (visdrone_results.h), matched to `truth` by the
/// names of images and classes, by numbers where there are none. Images without any have an empty list.
/// Error: malformed (file and line or JSON path), an image or a category number that `truth` does not know, unless
/// `problems` is given; no class in common; numbers whose meaning is not sure; boxes in parts of the image.
DetectionSet read_detections(const std::filesystem::path& path, const AnnotationSet& truth,
                             Problems* problems = nullptr);

/// Writes COCO result JSON with `truth`'s image and category ids, the file and class names beside them; detections of
/// class_index -1 have no id there and are left out.
void write_coco_detections(const std::filesystem::path& path, const AnnotationSet& truth,
                           const DetectionSet& detections);

/// Writes a VisDrone text file an image, by descending score; categories are VisDrone's numbers, found by name, or 11.
void write_visdrone_detections(const std::filesystem::path& folder, const AnnotationSet& truth,
                               const DetectionSet& detections);

/// Writes one text file an image into a folder: "class cx cy w h confidence", centre and size divided by the image's
/// size, as Ultralytics saves predictions. Error: an image whose size is not known.
void write_yolo_detections(const std::filesystem::path& folder, const AnnotationSet& truth,
                           const DetectionSet& detections);

/// Writes one table: file,class,score,x,y,width,height; pixels.
void write_csv_detections(const std::filesystem::path& path, const AnnotationSet& truth,
                          const DetectionSet& detections);

}  // namespace skylift
