#include "skylift/annotations/result_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "skylift/annotations/image_finder.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

std::string stem_of(const std::string& file) {
  return std::filesystem::path(plain_path(file, ImageFinder::By::stem)).filename().string();
}

/// "000012" -> 12; nothing for a sign, a point or letters.
std::optional<int64_t> digits(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return parse_integer(text);
}

std::unordered_map<int64_t, size_t> numbered_stems(const AnnotationSet& truth) {
  std::unordered_map<int64_t, size_t> places;
  std::set<int64_t> twice;
  for (size_t i = 0; i < truth.images.size(); ++i) {
    const auto number = digits(stem_of(truth.images[i].file));
    if (number && !places.emplace(*number, i).second) twice.insert(*number);
  }
  for (const int64_t number : twice) places.erase(number);
  return places;
}

/// Whether the set's ids are 0, 1, 2, ... or 1, 2, 3, ...: then they say no more than a place.
bool ids_are_places(const std::vector<int64_t>& ids) {
  if (ids.empty() || (ids[0] != 0 && ids[0] != 1)) return false;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != ids[0] + static_cast<int64_t>(i)) return false;
  }
  return true;
}

bool has_root(const AnnotationSet& truth) {
  if (truth.format != "coco" || truth.class_ids.size() < 2 || truth.class_ids[0] != 0) return false;
  return std::all_of(truth.images.begin(), truth.images.end(), [](const ImageRecord& image) {
    return std::all_of(image.objects.begin(), image.objects.end(),
                       [](const Object& object) { return object.class_index != 0; });
  });
}

/// COCO's own numbers of its 80 classes, which Ultralytics writes for COCO.
bool is_cocos(const std::vector<int64_t>& ids) { return ids.size() == 80 && ids.front() == 1 && ids.back() == 90; }

void refuse_two_meanings(const std::string& where, const AnnotationSet& truth, const std::set<int64_t>& numbers,
                         const std::unordered_map<int64_t, int>& ids, const std::unordered_map<int64_t, int>& indices) {
  for (const int64_t number : numbers) {
    const int as_id = ids.at(number), as_index = indices.at(number);
    if (as_id == as_index || as_id < 0) continue;
    throw Error(
        "{}: category_id {} may be {}, as an id of {}, or {}, as a class index of Ultralytics; expected a "
        "category_name in each result",
        where, number, truth.classes[static_cast<size_t>(as_id)], truth.source.string(),
        truth.classes[static_cast<size_t>(as_index)]);
  }
}

}  // namespace

ImageNumbers image_numbers(const std::string& where, const AnnotationSet& truth, std::vector<int64_t> numbers) {
  ImageNumbers ids, stems{numbered_stems(truth), true};
  for (size_t i = 0; i < truth.images.size(); ++i) {
    if (truth.images[i].id_text.empty()) ids.places.emplace(truth.images[i].id, i);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  const auto all_in = [&](const ImageNumbers& meaning) {
    return std::all_of(numbers.begin(), numbers.end(), [&](int64_t n) { return meaning.places.contains(n); });
  };
  if (!all_in(stems)) return ids;
  if (!all_in(ids)) return stems;
  ids.are_both = truth.format == "coco" && !numbers.empty();
  for (const int64_t number : numbers) {
    const size_t as_id = ids.places.at(number), as_stem = stems.places.at(number);
    if (as_id == as_stem) continue;
    if (ids.are_both) {
      log_warning(
          "{}: image_id {} is taken as {}, by the ids of {}; by its name it would be {} (hint: a file_name in each "
          "result "
          "decides)",
          where, number, truth.images[as_id].file, truth.source.string(), truth.images[as_stem].file);
      ids.are_both = false;
      return ids;
    }
    throw Error(
        "{}: image_id {} may be {}, by its name, or {}, by its place in {}; expected a file_name in each result", where,
        number, truth.images[as_stem].file, truth.images[as_id].file, truth.source.string());
  }
  return truth.format == "coco" ? ids : stems;  // a place that is the stem, too: only Ultralytics writes such numbers
}

bool is_stem(const std::string& text, int64_t number, const std::string& file) {
  if (!text.empty()) return file.empty() || stem_of(file) == text;
  return !file.empty() && digits(stem_of(file)) == number;
}

std::unordered_map<int64_t, int> class_ids(const AnnotationSet& truth) {
  auto classes = class_of_id(truth);
  if (truth.format == "visdrone") classes.insert({{0, -1}, {11, -1}});
  return classes;
}

std::unordered_map<int64_t, int> ultralytics_classes(const std::string& where, const AnnotationSet& truth,
                                                     const std::set<int64_t>& numbers) {
  const auto own = class_ids(truth);
  const bool known = std::all_of(numbers.begin(), numbers.end(), [&](int64_t n) { return own.contains(n); });
  const bool root = has_root(truth) && !numbers.contains(static_cast<int64_t>(truth.classes.size()));
  const int first = root ? 1 : 0;
  const auto count = static_cast<int64_t>(truth.classes.size()) - first;
  const bool from_zero = numbers.contains(0), from_one = numbers.contains(count);
  const bool indices = *numbers.begin() >= 0 && *numbers.rbegin() <= count && !(from_zero && from_one);
  if (known && !ids_are_places(truth.class_ids) && (!indices || is_cocos(truth.class_ids))) return own;
  if (root) log_warning("{}: {} has no objects and is taken as no class of the network", where, truth.classes[0]);
  if (from_zero && from_one) {
    throw Error("{}: its category ids reach from 0 to {}, but {} has {} classes", where, count, truth.source.string(),
                count);
  }
  std::unordered_map<int64_t, int> classes;
  for (int64_t index = 0; index < count; ++index)
    classes.emplace(index + (from_zero ? 0 : 1), first + static_cast<int>(index));
  if (known && !ids_are_places(truth.class_ids)) {
    refuse_two_meanings(where, truth, numbers, own, classes);
    return own;
  }
  if (!from_zero && !from_one) {
    const auto example = classes.find(*numbers.begin());
    log_warning("{}: category ids are taken as class index + 1, as newer versions of Ultralytics write them: {} is {}",
                where, *numbers.begin(),
                example == classes.end() ? "none" : truth.classes[static_cast<size_t>(example->second)]);
  }
  return classes;
}

std::unordered_map<int64_t, int> own_or_ultralytics_classes(const std::string& where, const AnnotationSet& truth,
                                                            const std::set<int64_t>& numbers) {
  const auto own = class_ids(truth);
  if (!std::ranges::all_of(numbers, [&](int64_t number) { return own.contains(number); }))
    return ultralytics_classes(where, truth, numbers);
  const int64_t first = *numbers.begin();
  if (truth.class_ids[0] == 0 && first > 0) {
    log_warning(
        "{}: category ids are taken as those of {}: {} is {}; as class index + 1, as Ultralytics writes, it would be "
        "{} (hint: a "
        "category_name in each result decides)",
        where, truth.source.string(), first, truth.classes[static_cast<size_t>(own.at(first))],
        truth.classes[static_cast<size_t>(first - 1)]);
  }
  return own;
}

void say_unknown_classes(const std::string& where, const AnnotationSet& truth,
                         const std::map<std::string, int64_t>& unknown, bool any_known) {
  if (unknown.empty()) return;
  std::vector<std::string> names;
  int64_t count = 0;
  for (const auto& [name, detections] : unknown) {
    names.push_back(in_quotes(name));
    count += detections;
  }
  if (!any_known) {
    throw Error("{}: no class in common with {}: it has detections of {}, the data set names {}", where,
                truth.source.string(), fmt::join(names, ", "), fmt::join(truth.classes, ", "));
  }
  log_warning("{}: {} detections are not scored, of classes that {} does not have: {}", where, count,
              truth.source.string(), fmt::join(names, ", "));
}

}  // namespace skylift
