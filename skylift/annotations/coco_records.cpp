#include "skylift/annotations/coco_records.h"

#include <limits>
#include <string>

namespace skylift {
namespace {

using JsonType = simdjson::ondemand::json_type;
constexpr int kMaxInt = std::numeric_limits<int>::max();

/// What we write beside COCO's own fields.
void take_extra(Object& out, JsonField& field) {
  if (field.key == "ignore") out.ignored = field.flag();
  if (field.key == "difficult") out.difficult = field.flag();
  if (field.key == "truncation") out.truncation = field.integer(-kMaxInt, kMaxInt);
  if (field.key == "occlusion") out.occlusion = field.integer(-kMaxInt, kMaxInt);
}

/// The fields that an annotation and an "other object" share. False: other tools put their users' attributes there, too
/// (FiftyOne), and this one has another meaning.
bool take_object(Object& out, JsonField& field) {
  if (field.key == "area") {
    out.area = field.number();
  } else if (field.key == "iscrowd") {
    out.crowd = field.flag();
  } else if (field.key == "id") {
    out.id = field.id().number;
  } else {
    try {
      take_extra(out, field);
    } catch (const JsonMismatch&) {
      return false;
    }
  }
  return true;
}

void take_other_object(ImageRecord& image, JsonField& element) {
  Object object;
  object.class_index = -1;
  bool has_box = false;
  element.members([&](JsonField& field) {
    if (field.key == "bbox") {
      object.box = field.box();
      has_box = true;
    } else {
      take_object(object, field);
    }
  });
  if (!has_box) throw JsonMismatch{".bbox", "missing, expected [x, y, width, height]"};
  image.objects.push_back(object);
}

}  // namespace

void take_category(CategoryRecord& out, JsonField& field) {
  if (field.key == "id") out.id = field.integer(), out.seen |= 1;
  if (field.key == "name") {
    out.name = field.is(JsonType::number) ? std::to_string(field.integer()) : field.text();
    out.seen |= 2;
  }
  if (field.key == "supercategory" && field.is(JsonType::string)) out.parent = field.text();
}

void take_image(ImageEntry& out, JsonField& field) {
  if (field.key == "id") {
    JsonId id = field.id();
    out.image.id = id.number, out.image.id_text = std::move(id.text), out.seen |= 1;
  } else if (field.key == "file_name") {
    out.image.file = field.text(), out.seen |= 2;
  } else if (field.key == "width") {
    out.image.width = field.integer(0, kMaxInt);
  } else if (field.key == "height") {
    out.image.height = field.integer(0, kMaxInt);
  } else if (field.key == "ignored_regions") {
    field.each([&](JsonField& region) { out.image.ignored_regions.push_back(region.box()); });
  } else if (field.key == "other_objects") {
    field.each([&](JsonField& object) { take_other_object(out.image, object); });
  }
}

void take_annotation(AnnotationEntry& out, JsonField& field) {
  if (field.key == "image_id") {
    out.image_id = field.id(), out.seen |= 1;
  } else if (field.key == "category_id") {
    out.category_id = field.integer(), out.seen |= 2;
  } else if (field.key == "bbox") {
    if (field.box_if_any(out.object.box)) out.seen |= AnnotationEntry::kHasBox;
  } else if (field.key == "attributes" && field.is(JsonType::object)) {
    field.members([&](JsonField& attribute) {
      if (attribute.key == "rotation" && attribute.is(JsonType::number)) out.rotation = attribute.number();
    });
  } else {
    out.foreign |= !take_object(out.object, field);
  }
}

void take_outline(Outline& out, JsonField& field) {
  if (field.key != "segmentation" || field.is(JsonType::object)) return;  // an object is a mask in run lengths
  const auto check_whole = [&](size_t before) {
    if ((out.points.size() - before) % 2 != 0)
      throw JsonMismatch{"", "got half a point, expected [x1, y1, x2, y2, ...]"};
  };
  size_t in_no_list = 0;  // one polygon that is not in a list of its own
  field.each([&](JsonField& polygon) {
    const size_t before = out.points.size();
    if (!polygon.is(JsonType::array)) {
      out.points.push_back(polygon.number());
      ++in_no_list;
      return;
    }
    polygon.each([&](JsonField& number) { out.points.push_back(number.number()); });
    check_whole(before);
  });
  check_whole(out.points.size() - in_no_list);
}

}  // namespace skylift
