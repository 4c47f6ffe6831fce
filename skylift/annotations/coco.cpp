#include "skylift/annotations/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "skylift/annotations/json_record.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();

struct CategoryRecord {
  unsigned seen = 0;
  int64_t id = 0;
  std::string name;
};

struct ImageEntry {
  unsigned seen = 0;
  ImageRecord image;
};

struct AnnotationEntry {
  unsigned seen = 0;
  int64_t image_id = 0, category_id = 0;
  Object object;
};

void take_category(CategoryRecord& out, JsonField& field) {
  if (field.key == "id") out.id = field.integer(), out.seen |= 1;
  if (field.key == "name") out.name = field.text(), out.seen |= 2;
}

/// The fields that an annotation and an "other object" share. True: the field is one of them and is taken.
bool take_object(Object& out, JsonField& field) {
  if (field.key == "bbox") {
    out.box = field.box();
  } else if (field.key == "area") {
    out.area = field.number();
  } else if (field.key == "iscrowd") {
    out.crowd = field.flag();
  } else if (field.key == "ignore") {
    out.ignored = field.flag();
  } else if (field.key == "difficult") {
    out.difficult = field.flag();
  } else if (field.key == "truncation") {
    out.truncation = field.integer(-kMaxInt, kMaxInt);
  } else if (field.key == "occlusion") {
    out.occlusion = field.integer(-kMaxInt, kMaxInt);
  } else if (field.key == "id") {
    out.id = field.integer();
  } else {
    return false;
  }
  return true;
}

void take_other_object(ImageRecord& image, JsonField& element) {
  Object object;
  object.class_index = -1;
  bool has_box = false;
  element.members([&](JsonField& field) {
    take_object(object, field);
    has_box |= field.key == "bbox";
  });
  if (!has_box) throw JsonMismatch{".bbox", "missing, expected [x, y, width, height]"};
  image.objects.push_back(object);
}

void take_image(ImageEntry& out, JsonField& field) {
  if (field.key == "id") {
    out.image.id = field.integer(), out.seen |= 1;
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
    out.image_id = field.integer(), out.seen |= 1;
  } else if (field.key == "category_id") {
    out.category_id = field.integer(), out.seen |= 2;
  } else if (take_object(out.object, field) && field.key == "bbox") {
    out.seen |= 4;
  }
}

class CocoReader {
 public:
  CocoReader(const fs::path& file, Problems* problems) : file_(file), map_(file), problems_(problems) {
    members_ = split_json(map_.bytes(), file);
    std::unordered_set<std::string_view> keys;
    for (const JsonMember& member : members_) {
      if (!keys.insert(member.key).second) throw Error("{}: $.{}: stands twice", file.string(), member.key);
    }
  }

  AnnotationSet read() {
    set_.format = "coco";
    set_.source = file_;
    read_categories();
    read_images();
    read_annotations();
    return std::move(set_);
  }

 private:
  const JsonMember& list(const char* key) const {
    for (const auto& member : members_) {
      if (member.key != key) continue;
      if (member.is_list) return member;
      throw Error("{}: $.{}: got {}, expected a list", file_.string(), key, in_quotes(member.text));
    }
    if (members_.size() == 1 && members_[0].key.empty() && members_[0].is_list) {
      throw Error(
          "{}: got a list, expected an object with images, annotations and categories (is this a file of results?)",
          file_.string());
    }
    throw Error("{}: $.{}: missing, expected a COCO data set: images, annotations, categories", file_.string(), key);
  }

  template <class Record>
  std::vector<Record> records(const JsonMember& member, std::vector<RequiredField> required,
                              void (*take)(Record&, JsonField&)) {
    return read_records<Record>(file_, member, map_.bytes().data() + map_.bytes().size(), problems_, required, take);
  }

  void complain(const JsonMember& member, size_t index, const char* below, std::string what) {
    report(problems_, json_position(file_, member, index, below), std::move(what));
  }

  void read_categories() {
    const JsonMember& member = list("categories");
    auto found = records<CategoryRecord>(member, {{1, "id", "an integer"}, {2, "name", "a text"}}, take_category);
    std::set<std::string> names;
    for (size_t i = 0; i < found.size(); ++i) {
      if (!found[i].seen) continue;
      if (!names.insert(found[i].name).second) {
        complain(member, i, ".name", fmt::format("{} stands twice", in_quotes(found[i].name)));
      } else if (!class_of_.emplace(found[i].id, 0).second) {
        complain(member, i, ".id", fmt::format("{} stands twice", found[i].id));
      } else {
        continue;
      }
      found[i].seen = 0;
    }
    std::erase_if(found, [](const auto& record) { return !record.seen; });
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (auto& record : found) {
      class_of_[record.id] = static_cast<int>(set_.classes.size());
      set_.class_ids.push_back(record.id);
      set_.classes.push_back(std::move(record.name));
    }
  }

  void read_images() {
    const JsonMember& member = list("images");
    auto found = records<ImageEntry>(member, {{1, "id", "an integer"}, {2, "file_name", "a text"}}, take_image);
    set_.images.reserve(found.size());
    image_of_.reserve(found.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (!found[i].seen) continue;
      if (!image_of_.emplace(found[i].image.id, set_.images.size()).second) {
        complain(member, i, ".id", fmt::format("{} stands twice", found[i].image.id));
        continue;
      }
      set_.images.push_back(std::move(found[i].image));
    }
  }

  void read_annotations() {
    const JsonMember& member = list("annotations");
    auto found =
        records<AnnotationEntry>(member,
                                 {{1, "image_id", "an integer"},
                                  {2, "category_id", "an integer"},
                                  {4, "bbox", "[x, y, width, height] (boxes are not derived from a segmentation)"}},
                                 take_annotation);
    std::vector<uint32_t> counts(set_.images.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i].seen && resolve(member, i, found[i])) ++counts[static_cast<size_t>(found[i].image_id)];
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      auto& objects = set_.images[i].objects;
      objects.reserve(objects.size() + counts[i]);
    }
    for (auto& entry : found) {
      if (entry.seen) set_.images[static_cast<size_t>(entry.image_id)].objects.push_back(entry.object);
    }
  }

  /// Turns ids into indices (image_id is an index afterwards).
  bool resolve(const JsonMember& member, size_t index, AnnotationEntry& entry) {
    const auto image = image_of_.find(entry.image_id);
    const auto category = class_of_.find(entry.category_id);
    if (image == image_of_.end()) {
      complain(member, index, ".image_id", fmt::format("got {}, expected the id of one of the images", entry.image_id));
    } else if (category == class_of_.end()) {
      complain(member, index, ".category_id",
               fmt::format("got {}, expected the id of one of the categories", entry.category_id));
    } else {
      entry.image_id = static_cast<int64_t>(image->second);
      entry.object.class_index = category->second;
      entry.object.line = static_cast<int>(index);
      return true;
    }
    entry.seen = 0;
    return false;
  }

  const fs::path& file_;
  MappedFile map_;
  Problems* problems_;
  std::vector<JsonMember> members_;
  AnnotationSet set_;
  std::unordered_map<int64_t, int> class_of_;
  std::unordered_map<int64_t, size_t> image_of_;
};

}  // namespace

AnnotationSet read_coco(const fs::path& file, const fs::path& image_folder, Problems* problems) {
  AnnotationSet set = CocoReader(file, problems).read();
  const fs::path beside = file.parent_path() / "images";
  set.image_folder = !image_folder.empty() ? image_folder : fs::is_directory(beside) ? beside : file.parent_path();
  return set;
}

}  // namespace skylift
