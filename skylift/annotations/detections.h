// Detections as they are stored and scored: COCO result JSON, or a folder of VisDrone text files.
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

/// COCO result JSON [{"image_id", "category_id", "bbox": [x,y,w,h], "score"}, ...] or a folder of VisDrone text files
/// (x,y,w,h,score,category,-1,-1), matched to `truth` by image id or file stem. Images without any have an empty list.
/// Error: malformed (file and line or JSON path), an image or a category that `truth` does not know, unless `problems`
/// is given. VisDrone's categories 0 and 11 (regions and "others") become class_index -1.
DetectionSet read_detections(const std::filesystem::path& path, const AnnotationSet& truth,
                             Problems* problems = nullptr);

/// Writes COCO result JSON with `truth`'s image and category ids; detections of class_index -1 have no id there and are
/// left out.
void write_coco_detections(const std::filesystem::path& path, const AnnotationSet& truth,
                           const DetectionSet& detections);

/// Writes one VisDrone text file an image into a folder, by descending score as the official toolkit expects.
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
