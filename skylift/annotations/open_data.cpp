#include "skylift/annotations/open_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/data_format.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/local_path.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// A SPEC without its prefixes, cut at its last colon unless the whole of it is a path.
DataPlace place_of(std::string_view spec) {
  const size_t colon = spec.rfind(':');
  if (is_there(spec) || colon == std::string_view::npos) return {fs::path(spec), "", {}};
  return {fs::path(spec.substr(0, colon)), std::string(spec.substr(colon + 1)), {}};
}

/// What stands before the path of a SPEC: "format=coco,orientation=stored,FILE".
struct Prefixes {
  std::string format;
  ImageReading reading;
};

/// Takes the prefixes off a SPEC.
Prefixes take_prefixes(std::string_view& spec) {
  const std::string_view whole = spec;
  Prefixes out;
  while (true) {
    const size_t equals = spec.find('=');
    const std::string_view key = spec.substr(0, equals);
    if (equals == std::string_view::npos || (key != "format" && key != "orientation" && key != "depth")) return out;
    const size_t comma = spec.find(',');
    if (comma == std::string_view::npos)
      throw Error("{}: got no comma after the {}, expected {}=NAME,PATH", whole, key, key);
    const std::string_view value = spec.substr(equals + 1, comma - equals - 1);
    if (!set_image_reading(out.reading, key, value)) out.format = value;
    spec.remove_prefix(comma + 1);
  }
}

void log_notes(const Problems& notes) {
  for (const auto& note : notes) log_warning("{}: {}", note.where, note.what);
}

/// A folder within that is one: Roboflow's train/, the VOC2012/ of VOCdevkit/. Empty: none of the first.
std::string data_set_within(const fs::path& path) {
  std::vector<fs::path> folders;
  std::error_code code;
  constexpr size_t most = 32;
  for (auto entry = fs::directory_iterator(path, code); entry != fs::directory_iterator() && folders.size() < most;
       entry.increment(code)) {
    if (is_folder(entry->path())) folders.push_back(entry->path());
  }
  std::ranges::sort(folders);
  for (const fs::path& folder : folders) {
    for (const auto& format : data_format_table()) {
      if (format.recognise(folder)) return folder.string();
    }
  }
  return {};
}

/// A known layout that is not read, by a file or folder that stands in it.
struct ForeignLayout {
  const char* mark;
  const char* what;
};
constexpr std::array kForeignLayouts = {
    ForeignLayout{"sequences",
                  "VisDrone-VID or -MOT (hint: a set of images has images/ and annotations/, a text each)"},
    ForeignLayout{"JPEGImages-trainval",
                  "DIOR (hint: JPEGImages/ with both folders' images, Annotations/ with the XML)"},
    ForeignLayout{"JPEGImages-test", "DIOR (hint: JPEGImages/ with both folders' images, Annotations/ with the XML)"},
    ForeignLayout{"annotations.xml", "CVAT for images (hint: export as COCO 1.0 or Ultralytics YOLO)"},
    ForeignLayout{"labelTxt", "DOTA (hint: convert it to COCO)"},
    ForeignLayout{"label_2", "KITTI (hint: convert it to COCO)"},
    ForeignLayout{"metadata.jsonl", "Hugging Face's image folder (hint: convert it to COCO)"},
    ForeignLayout{"ann", "Supervisely's (hint: export as COCO)"},
    ForeignLayout{"Annotations", "VOC without its images (hint: JPEGImages/ belongs beside Annotations/)"},
};

const DataFormat& find_format(std::string_view spec, const DataPlace& place) {
  std::string looked_for;
  for (const auto& format : data_format_table()) {
    if (format.recognise(place.path)) return format;
    looked_for += fmt::format("{}{} ({})", looked_for.empty() ? "" : "; ", format.looks_like, format.name);
  }
  const std::string inside = data_set_within(place.path);
  if (!inside.empty()) throw Error("{}: no data set, but {} is one (hint: name that)", spec, inside);
  for (const ForeignLayout& layout : kForeignLayouts) {
    if (is_there(place.path / layout.mark))
      throw Error("{}: no data set of a known format; it looks like {}", spec, layout.what);
  }
  throw Error("{}: no data set of a known format; looked for {}", spec, looked_for);
}

/// An image under two ids would be seen, and scored, twice, or under the boxes of another.
void check_files(const AnnotationSet& set, Problems* problems) {
  std::unordered_map<std::string, std::string> seen;
  for (const auto& image : set.images) {
    const std::string path = set.image_path(image).lexically_normal().string();
    const auto [entry, is_new] = seen.emplace(path, id_json(image));
    if (!is_new && is_there(path))
      report(problems, set.source.string(),
             fmt::format("{} is one file under two ids, {} and {}", path, entry->second, id_json(image)));
  }
}

}  // namespace

AnnotationSet open_data(std::string_view spec, Problems* problems) {
  std::string_view rest = spec;
  const Prefixes prefixes = take_prefixes(rest);
  check_local(rest);
  DataPlace place = place_of(rest);
  place.reading = prefixes.reading;
  if (!is_there(place.path)) throw Error("{}: no such file or folder", place.path.string());
  const DataFormat& format = prefixes.format.empty() ? find_format(spec, place) : data_format(prefixes.format);
  if (!place.part.empty() && !std::strchr(format.looks_like, ':')) {
    throw Error("{}: got ':{}' after a {} data set, which has no parts to choose from", spec, place.part, format.name);
  }
  AnnotationSet set = format.read(place, problems);
  set.reading = place.reading;
  for (const std::string& name : set.classes) {
    if (!is_utf8(name))
      report(problems, set.source.string(),
             fmt::format("class {} is not UTF-8 (hint: save the file as UTF-8)", in_quotes(name)));
  }
  check_files(set, problems);
  if (!problems) log_notes(set.notes);
  return set;
}

}  // namespace skylift
