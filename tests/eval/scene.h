// Hand-made sets in few words.
#pragma once

#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/detections.h"

namespace skylift {

/// A set of one image after another, with detections beside it.
struct Scene {
  AnnotationSet truth;
  DetectionSet detections;

  explicit Scene(std::vector<std::string> classes, std::string format = "coco") {
    truth.format = std::move(format);
    truth.classes = std::move(classes);
    for (size_t k = 0; k < truth.classes.size(); ++k) truth.class_ids.push_back(static_cast<int64_t>(k) + 1);
  }

  Scene& image(int width = 100, int height = 100) {
    ImageRecord record;
    record.id = static_cast<int64_t>(truth.images.size()) + 1;
    record.file = std::to_string(record.id) + ".jpg";
    record.width = width;
    record.height = height;
    truth.images.push_back(record);
    detections.emplace_back();
    return *this;
  }
  Scene& object(BoxXywh box, int class_index = 0) {
    Object one;
    one.box = box;
    one.class_index = class_index;
    one.id = ++last_id;
    truth.images.back().objects.push_back(one);
    return *this;
  }
  Scene& crowd(BoxXywh box, int class_index = 0) {
    object(box, class_index).truth.images.back().objects.back().crowd = true;
    return *this;
  }
  Scene& ignored(BoxXywh box, int class_index = 0) {
    object(box, class_index).truth.images.back().objects.back().ignored = true;
    return *this;
  }
  Scene& region(BoxXywh box) {
    truth.images.back().ignored_regions.push_back(box);
    return *this;
  }
  Scene& found(BoxXywh box, double score, int class_index = 0) {
    detections.back().push_back({box, score, class_index});
    return *this;
  }

  int64_t last_id = 0;
};

}  // namespace skylift
