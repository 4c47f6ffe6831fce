#include "skylift/annotations/coco_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "skylift/annotations/image_finder.h"
#include "skylift/annotations/json_record.h"
#include "skylift/annotations/result_numbers.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

struct ResultEntry {
  unsigned seen = 0;
  int64_t image_id = 0, category_id = 0;
  std::string image_text;                ///< an image_id that is no number
  std::string file_name, category_name;  ///< empty: not there
  Detection detection;
};

void take_result(ResultEntry& out, JsonField& field) {
  if (field.key == "image_id") {
    JsonId id = field.id();
    out.image_id = id.number, out.image_text = std::move(id.text), out.seen |= 1;
  } else if (field.key == "category_id") {
    out.category_id = field.integer(), out.seen |= 2;
  } else if (field.key == "bbox") {
    out.detection.box = field.box(), out.seen |= 4;
  } else if (field.key == "score") {
    out.detection.score = field.number(), out.seen |= 8;
  } else if (field.key == "file_name") {
    out.file_name = field.text();
  } else if (field.key == "category_name") {
    out.category_name = field.text();
  }
}

/// A file's list of results, each with its place in the file.
struct Results {
  Results(const fs::path& file, Problems* problems) : map(file), members(split_json(map.bytes(), file)) {
    if (members.size() != 1 || !members[0].key.empty() || !members[0].is_list) {
      throw Error(
          "{}: got an object, expected a list of results [{{\"image_id\", \"category_id\", \"bbox\", \"score\"}}, ...]",
          file.string());
    }
    entries = read_records<ResultEntry>(file, members[0], map.bytes().data() + map.bytes().size(), problems,
                                        {{1, "image_id", "an integer"},
                                         {2, "category_id", "an integer"},
                                         {4, "bbox", "[x, y, width, height]"},
                                         {8, "score", "a number"}},
                                        take_result);
  }
  const JsonMember& list() const { return members[0]; }

  MappedFile map;
  std::vector<JsonMember> members;
  std::vector<ResultEntry> entries;
};

struct ImageName {
  unsigned seen = 0;
  int64_t id = 0;
  std::string file;
};

void take_image_name(ImageName& out, JsonField& field) {
  if (field.key == "id") out.id = field.integer(), out.seen |= 1;
  if (field.key == "file_name") out.file = field.text(), out.seen |= 2;
}

/// Before `skylift predict` put names into its results it wrote them beside: images.json.
std::unordered_map<int64_t, std::string> names_beside(const fs::path& file) {
  std::unordered_map<int64_t, std::string> names;
  const fs::path beside = file.parent_path() / "images.json";
  if (file.filename() != "detections.json" || !is_there(beside)) return names;
  const MappedFile map(beside);
  const auto members = split_json(map.bytes(), beside);
  if (members.size() != 1 || !members[0].key.empty() || !members[0].is_list) return names;
  for (auto& image : read_records<ImageName>(beside, members[0], map.bytes().data() + map.bytes().size(), nullptr,
                                             {{1, "id", "an integer"}, {2, "file_name", "a text"}}, take_image_name)) {
    names.emplace(image.id, std::move(image.file));
  }
  return names;
}

class ResultReader {
 public:
  ResultReader(const fs::path& file, const AnnotationSet& truth, Problems* problems)
      : file_(file), truth_(truth), problems_(problems), results_(file, problems) {}

  DetectionSet read() {
    name_images();
    const auto images = find_images();
    const auto classes = find_classes(images);
    DetectionSet set(truth_.images.size());
    for (size_t i = 0; i < results_.entries.size(); ++i) {
      if (!images[i] || !classes[i]) continue;
      auto& detections = set[*images[i]];
      detections.push_back(results_.entries[i].detection);
      detections.back().class_index = *classes[i];
    }
    return set;
  }

 private:
  using Places = std::vector<std::optional<size_t>>;
  using ClassIndices = std::vector<std::optional<int>>;

  void complain(size_t entry, const char* below, std::string what) {
    report(problems_, json_position(file_, results_.list(), entry, below), std::move(what));
  }

  void name_images() {
    const auto names = names_beside(file_);
    for (ResultEntry& entry : results_.entries) {
      const auto name = names.find(entry.image_id);
      if (entry.file_name.empty() && entry.image_text.empty() && name != names.end()) entry.file_name = name->second;
    }
  }

  /// Images by their names, by ids that are texts, by their stems, and by numbers where there is nothing else.
  Places find_images() {
    std::vector<int64_t> numbers;
    for (const ResultEntry& entry : results_.entries) {
      if (entry.seen && entry.file_name.empty() && entry.image_text.empty()) numbers.push_back(entry.image_id);
    }
    const ImageNumbers by_number = image_numbers(file_.string(), truth_, std::move(numbers));
    Places places(results_.entries.size());
    for (size_t i = 0; i < places.size(); ++i) {
      const ResultEntry& entry = results_.entries[i];
      if (!entry.seen) continue;
      if (!entry.file_name.empty()) {
        places[i] = named_image(i, ".file_name", entry.file_name, by_name_);
      } else if (const auto own = by_id_text_.find(entry.image_text); own != by_id_text_.end()) {
        places[i] = own->second;
      } else if (!entry.image_text.empty()) {
        places[i] =
            named_image(i, ".image_id", entry.image_text, is_image_name(entry.image_text) ? by_name_ : by_stem_);
      } else if (const auto image = by_number.places.find(entry.image_id); image != by_number.places.end()) {
        places[i] = image->second;
      } else {
        complain(i, ".image_id", fmt::format("got {}, expected the id of an image of the data set", entry.image_id));
      }
    }
    numbers_are_stems_ = by_number.are_stems;
    numbers_are_both_ = by_number.are_both;
    return places;
  }

  static std::unordered_map<std::string, size_t> id_texts(const AnnotationSet& truth) {
    std::unordered_map<std::string, size_t> places;
    for (size_t i = 0; i < truth.images.size(); ++i) {
      if (!truth.images[i].id_text.empty()) places.emplace(truth.images[i].id_text, i);
    }
    return places;
  }

  bool has_own_id(const ResultEntry& entry, const ImageRecord& image) const {
    return entry.image_text.empty() ? entry.image_id == image.id : entry.image_text == image.id_text;
  }

  /// Asks once for each name; two names for one image would mix their detections.
  std::optional<size_t> named_image(size_t entry, const char* below, const std::string& name,
                                    const ImageFinder& finder) {
    const auto known = known_names_.find(name);
    if (known != known_names_.end()) return known->second;
    const auto found = finder.find(name);
    std::optional<size_t> place;
    if (found.empty()) {
      complain(entry, below, fmt::format("got {}, expected the name of an image of the data set", in_quotes(name)));
    } else if (found.size() > 1) {
      complain(entry, below,
               fmt::format("{} may be {} or {} of the data set", in_quotes(name), truth_.images[found[0]].file,
                           truth_.images[found[1]].file));
    } else if (const auto [other, is_new] = name_of_.emplace(found[0], name); !is_new) {
      complain(entry, below,
               fmt::format("{} and {} would both be {} of the data set", in_quotes(other->second), in_quotes(name),
                           truth_.images[found[0]].file));
    } else {
      place = found[0];
    }
    known_names_.emplace(name, place);
    return place;
  }

  /// Classes by their names, by numbers where there are none.
  ClassIndices find_classes(const Places& images) {
    std::map<std::string, int64_t> unknown;  // class -> its detections
    const auto by_number = class_numbers(images);
    const auto by_name = class_of_name(truth_.classes);
    ClassIndices classes(results_.entries.size());
    bool any = false;
    for (size_t i = 0; i < classes.size(); ++i) {
      const ResultEntry& entry = results_.entries[i];
      if (!entry.seen) continue;
      if (!entry.category_name.empty()) {
        const auto found = by_name.find(entry.category_name);
        if (found == by_name.end()) {
          ++unknown[entry.category_name];
        } else {
          classes[i] = found->second;
        }
      } else if (const auto found = by_number.find(entry.category_id); found != by_number.end()) {
        classes[i] = found->second;
      } else {
        std::set<int64_t> expected;
        for (const auto& number : by_number) expected.insert(number.first);
        complain(i, ".category_id",
                 fmt::format("got {}, expected one of {}", entry.category_id, fmt::join(expected, ", ")));
      }
      any |= classes[i].has_value();
    }
    say_unknown_classes(file_.string(), truth_, unknown, any);
    return classes;
  }

  std::unordered_map<int64_t, int> class_numbers(const Places& images) {
    std::set<int64_t> numbers;
    bool stems = true, foreign = false, both = true;
    for (size_t i = 0; i < images.size(); ++i) {
      const ResultEntry& entry = results_.entries[i];
      if (!entry.seen || !images[i] || !entry.category_name.empty()) continue;
      numbers.insert(entry.category_id);
      const ImageRecord& image = truth_.images[*images[i]];
      const bool only_number = entry.file_name.empty() && entry.image_text.empty(), own = has_own_id(entry, image);
      const bool own_text = own && !entry.image_text.empty();
      both &= only_number ? numbers_are_both_ : own_text && is_stem(entry.image_text, 0, image.file);
      stems &=
          only_number ? numbers_are_stems_ : !own_text && is_stem(entry.image_text, entry.image_id, entry.file_name);
      foreign |= !only_number && !own;
    }
    if (numbers.empty()) return class_ids(truth_);
    if (stems) return ultralytics_classes(file_.string(), truth_, numbers);
    if (foreign) {
      throw Error(
          "{}: its image ids are not those of {}, so its category ids may be others, too; expected a category_name in "
          "each result (hint: skylift predict writes them)",
          file_.string(), truth_.source.string());
    }
    return both ? own_or_ultralytics_classes(file_.string(), truth_, numbers) : class_ids(truth_);
  }

  const fs::path& file_;
  const AnnotationSet& truth_;
  Problems* problems_;
  Results results_;
  ImageFinder by_name_{truth_, ImageFinder::By::name}, by_stem_{truth_, ImageFinder::By::stem};
  std::unordered_map<std::string, size_t> by_id_text_ = id_texts(truth_);
  std::unordered_map<std::string, std::optional<size_t>> known_names_;
  std::unordered_map<size_t, std::string> name_of_;
  bool numbers_are_stems_ = false, numbers_are_both_ = false;
};

}  // namespace

DetectionSet read_coco_results(const fs::path& file, const AnnotationSet& truth, Problems* problems) {
  return ResultReader(file, truth, problems).read();
}

}  // namespace skylift
