// The records of a COCO file: what is taken of each, field by field.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/json_record.h"

namespace skylift {

struct CategoryRecord {
  unsigned seen = 0;  ///< 1 id, 2 name
  int64_t id = 0;
  std::string name, parent;  ///< parent: supercategory
};

struct ImageEntry {
  unsigned seen = 0;  ///< 1 id, 2 file_name
  ImageRecord image;
};

struct AnnotationEntry {
  static constexpr unsigned kHasBox = 4;
  unsigned seen = 0;  ///< 1 image_id, 2 category_id, kHasBox
  JsonId image_id;
  int64_t category_id = 0;
  Object object;
  double rotation = 0;   // degrees
  bool foreign = false;  // a field of ours is there with another meaning
};

/// The corners of an annotation's polygons.
struct Outline {
  std::vector<double> points;
};

void take_category(CategoryRecord& out, JsonField& field);
void take_image(ImageEntry& out, JsonField& field);
void take_annotation(AnnotationEntry& out, JsonField& field);
void take_outline(Outline& out, JsonField& field);

}  // namespace skylift
