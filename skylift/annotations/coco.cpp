#include "skylift/annotations/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <numbers>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "skylift/annotations/coco_files.h"
#include "skylift/annotations/coco_records.h"
#include "skylift/annotations/json_record.h"
#include "skylift/annotations/shapes.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

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
    std::set<int64_t> ids;
    for (size_t i = 0; i < found.size(); ++i) {
      if (!found[i].seen || ids.insert(found[i].id).second) continue;
      complain(member, i, ".id", fmt::format("{} stands twice", found[i].id));
      found[i].seen = 0;
    }
    std::erase_if(found, [](const auto& record) { return !record.seen; });
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::vector<NamedClass> classes;
    for (const auto& record : found) {
      classes.push_back({record.name, record.id});
      if (record.parent == record.name) roots_.insert(record.name);
      parents_.emplace(record.parent, record.name);
    }
    set_classes(set_, classes);
    class_of_ = class_of_id(set_);
  }

  void read_images() {
    const JsonMember& member = list("images");
    auto found = records<ImageEntry>(member, {{1, "id", "an integer"}, {2, "file_name", "a text"}}, take_image);
    set_.images.reserve(found.size());
    image_of_.reserve(found.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (!found[i].seen) continue;
      const std::string& text = found[i].image.id_text;
      const bool is_new = text.empty() ? image_of_.emplace(found[i].image.id, set_.images.size()).second
                                       : image_of_text_.emplace(text, set_.images.size()).second;
      if (!is_new) {
        complain(member, i, ".id", fmt::format("{} stands twice", id_text({found[i].image.id, text})));
        continue;
      }
      set_.images.push_back(std::move(found[i].image));
    }
    number_texts();
  }

  /// Images whose ids are texts get the numbers that no other has.
  void number_texts() {
    int64_t next = 0;
    for (ImageRecord& image : set_.images) {
      if (image.id_text.empty()) continue;
      do ++next;
      while (image_of_.contains(next));
      image.id = next;
    }
  }

  std::optional<size_t> image_with(const JsonId& id) const {
    if (id.text.empty()) {
      const auto found = image_of_.find(id.number);
      return found == image_of_.end() ? std::nullopt : std::optional(found->second);
    }
    const auto found = image_of_text_.find(id.text);
    return found == image_of_text_.end() ? std::nullopt : std::optional(found->second);
  }

  static std::string id_text(const JsonId& id) {
    return id.text.empty() ? std::to_string(id.number) : in_quotes(id.text);
  }

  /// Lists of images to be tested, such as COCO's image_info_test-dev2017.json, have no annotations.
  bool has(const char* key) const {
    return std::any_of(members_.begin(), members_.end(), [&](const JsonMember& member) { return member.key == key; });
  }

  void read_annotations() {
    if (!has("annotations")) return note("has no annotations: a list of images without objects");
    const JsonMember& member = list("annotations");
    auto found = records<AnnotationEntry>(member, {{1, "image_id", "an integer"}, {2, "category_id", "an integer"}},
                                          take_annotation);
    std::vector<uint32_t> counts(set_.images.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i].seen && resolve(member, i, found[i])) ++counts[static_cast<size_t>(found[i].image_id.number)];
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      auto& objects = set_.images[i].objects;
      objects.reserve(objects.size() + counts[i]);
    }
    for (auto& entry : found) {
      if (entry.seen) set_.images[static_cast<size_t>(entry.image_id.number)].objects.push_back(entry.object);
    }
    if (const auto foreign = std::ranges::count(found, true, &AnnotationEntry::foreign); foreign > 0)
      note(
          fmt::format("{} annotations have an ignore, difficult, truncation or occlusion that is no number of ours: "
                      "passed over",
                      foreign));
    note_repeated_ids(found);
    if (boxes_turned_ > 0) note(fmt::format("{} boxes are turned: the upright boxes around them", boxes_turned_));
    if (boxes_from_polygons_ > 0)
      note(fmt::format("{} annotations have polygons alone: the boxes around them", boxes_from_polygons_));
    drop_unused_root(counts_of_classes(found));
  }

  /// The upright box of an annotation that gives it in another way. False: reported, there is none.
  bool find_box(const JsonMember& member, size_t index, AnnotationEntry& entry) {
    Object& object = entry.object;
    if (entry.seen & AnnotationEntry::kHasBox) {
      if (entry.rotation == 0) return true;
      object.box = box_around_turned(object.box, entry.rotation * std::numbers::pi / 180);
      ++boxes_turned_;
      return true;
    }
    Outline outline;
    std::string below;
    simdjson::ondemand::parser parser;
    std::string wrong = parse_record(parser, member.elements[index], map_.bytes().data() + map_.bytes().size(), below,
                                     [&](JsonField& field) { take_outline(outline, field); });
    if (wrong.empty() && outline.points.empty()) {
      below = ".bbox";
      wrong = "missing, expected [x, y, width, height] or polygons in segmentation";
    }
    if (!wrong.empty()) return complain(member, index, below.c_str(), std::move(wrong)), false;
    object.box = box_around(outline.points);
    ++boxes_from_polygons_;
    return true;
  }

  void note(std::string what) { set_.notes.push_back({file_.string(), std::move(what)}); }

  void note_repeated_ids(const std::vector<AnnotationEntry>& entries) {
    std::vector<int64_t> ids;
    for (const auto& entry : entries) {
      if (entry.seen && entry.object.id != 0) ids.push_back(entry.object.id);
    }
    std::sort(ids.begin(), ids.end());
    const auto unique = static_cast<size_t>(std::unique(ids.begin(), ids.end()) - ids.begin());
    if (unique == ids.size()) return;
    note(
        fmt::format("{} annotations have the id of another; all count here, while pycocotools keeps one of each id, "
                    "so its numbers will differ",
                    ids.size() - unique));
  }

  std::vector<int64_t> counts_of_classes(const std::vector<AnnotationEntry>& entries) const {
    std::vector<int64_t> counts(set_.classes.size());
    for (const auto& entry : entries) {
      if (entry.seen) ++counts[static_cast<size_t>(entry.object.class_index)];
    }
    return counts;
  }

  /// Roboflow puts a category of id 0 above the others that no object has. As a class it would be trained for nothing.
  /// Of another id it is a class, which this part of the data has no object of.
  void drop_unused_root(const std::vector<int64_t>& counts) {
    for (size_t i = 0; i < set_.classes.size(); ++i) {
      const auto child = parents_.find(set_.classes[i]);
      if (set_.class_ids[i] != 0 || counts[i] > 0 || child == parents_.end() || roots_.contains(set_.classes[i]))
        continue;
      note(fmt::format("category {} is no class: no object has it, it only stands above others such as {}",
                       in_quotes(set_.classes[i]), in_quotes(child->second)));
      const int dropped = static_cast<int>(i);
      for (auto& image : set_.images) {
        for (auto& object : image.objects) object.class_index -= object.class_index > dropped;
      }
      for (auto& [id, index] : set_.more_ids) index = index == dropped ? -1 : index - (index > dropped);
      set_.more_ids.emplace_back(set_.class_ids[i], -1);
      set_.classes.erase(set_.classes.begin() + dropped);
      set_.class_ids.erase(set_.class_ids.begin() + dropped);
      return;
    }
  }

  /// Turns ids into indices (image_id is an index afterwards).
  bool resolve(const JsonMember& member, size_t index, AnnotationEntry& entry) {
    const auto image = image_with(entry.image_id);
    const auto category = class_of_.find(entry.category_id);
    if (!image) {
      complain(member, index, ".image_id",
               fmt::format("got {}, expected the id of one of the images", id_text(entry.image_id)));
    } else if (category == class_of_.end()) {
      complain(member, index, ".category_id",
               fmt::format("got {}, expected the id of one of the categories", entry.category_id));
    } else {
      entry.image_id.number = static_cast<int64_t>(*image);
      entry.object.class_index = category->second;
      entry.object.line = static_cast<int>(index);
      if (find_box(member, index, entry)) return true;
    }
    entry.seen = 0;
    return false;
  }

  const fs::path& file_;
  MappedFile map_;
  Problems* problems_;
  std::vector<JsonMember> members_;
  AnnotationSet set_;
  std::unordered_map<std::string, std::string> parents_;  // supercategory -> one of its categories
  std::set<std::string> roots_;                           // categories that stand above themselves
  int64_t boxes_turned_ = 0, boxes_from_polygons_ = 0;
  std::unordered_map<int64_t, int> class_of_;
  std::unordered_map<int64_t, size_t> image_of_;
  std::unordered_map<std::string, size_t> image_of_text_;
};

}  // namespace

bool is_coco(const fs::path& path) {
  if (!is_folder(path)) return is_file(path) && path.extension() == ".json";
  return has_coco_file(path);
}

AnnotationSet open_coco(const fs::path& path, const std::string& part, Problems* problems) {
  const CocoPlace place = find_coco_file(path, part);
  if (place.file.empty()) throw Error("{}: no annotations.json or annotations/*.json in this folder", path.string());
  return read_coco(place.file, place.image_folder, problems);
}

std::string coco_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  // Objects of no class stand with their image and have no index of their own.
  if (object.class_index < 0) return fmt::format("{}: other_objects of {}", set.source.string(), image.file);
  return fmt::format("{}: $.annotations[{}]", set.source.string(), object.line);
}

AnnotationSet read_coco(const fs::path& file, const fs::path& image_folder, Problems* problems) {
  AnnotationSet set = CocoReader(file, problems).read();
  find_coco_images(set, image_folder, problems);
  return set;
}

}  // namespace skylift
