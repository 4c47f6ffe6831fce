#include "skylift/annotations/open_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/uavdt.h"
#include "skylift/annotations/visdrone.h"
#include "skylift/annotations/voc.h"
#include "skylift/annotations/yolo.h"
#include "skylift/core/error.h"
#include "skylift/core/local_path.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// A SPEC cut at its last colon, unless the whole of it is a path.
struct Place {
  fs::path path;
  std::string suffix;
};

Place place_of(std::string_view spec) {
  const size_t colon = spec.rfind(':');
  if (fs::exists(spec) || colon == std::string_view::npos) return {fs::path(spec), ""};
  return {fs::path(spec.substr(0, colon)), std::string(spec.substr(colon + 1))};
}

/// A folder may stand for the file that `data convert` writes into it.
fs::path file_in(const fs::path& path, const char* name) { return fs::is_directory(path) ? path / name : path; }

struct Format {
  const char* name;
  const char* looks_like;
  bool (*matches)(const fs::path&);
  AnnotationSet (*read)(const Place&, Problems*);
};

bool has_folders(const fs::path& path, const char* one, const char* other) {
  return fs::is_directory(path / one) && fs::is_directory(path / other);
}

bool is_file(const fs::path& path, const char* default_name, const std::vector<std::string>& extensions) {
  const fs::path file = file_in(path, default_name);
  return fs::is_regular_file(file) &&
         std::find(extensions.begin(), extensions.end(), file.extension()) != extensions.end();
}

// In the order of the search: a folder of ours may hold both annotations.json or data.yaml and images/.
const std::array kFormats = {
    Format{"coco", "FILE.json[:IMAGE_DIR] or a folder with annotations.json",
           [](const fs::path& path) { return is_file(path, "annotations.json", {".json"}); },
           [](const Place& place, Problems* problems) {
             return read_coco(file_in(place.path, "annotations.json"), place.suffix, problems);
           }},
    Format{"yolo", "data.yaml[:SPLIT] or a folder with it",
           [](const fs::path& path) {
             return is_file(path, "data.yaml", {".yaml", ".yml"});
           },
           [](const Place& place, Problems* problems) {
             return read_yolo(file_in(place.path, "data.yaml"), place.suffix, problems);
           }},
    Format{"visdrone", "a folder with images/ and annotations/",
           [](const fs::path& path) { return has_folders(path, "images", "annotations"); },
           [](const Place& place, Problems* problems) { return read_visdrone(place.path, problems); }},
    Format{"voc", "a folder[:SPLIT] with JPEGImages/ and Annotations/",
           [](const fs::path& path) { return has_folders(path, "JPEGImages", "Annotations"); },
           [](const Place& place, Problems* problems) { return read_voc(place.path, place.suffix, problems); }},
    Format{"uavdt", "a folder[:train|test] with GT/*_gt_whole.txt", is_uavdt_root,
           [](const Place& place, Problems* problems) { return read_uavdt(place.path, place.suffix, problems); }},
};

const Format& find_format(std::string_view spec, const Place& place, std::string_view forced) {
  std::string looked_for;
  std::vector<std::string> names;
  for (const auto& format : kFormats) {
    if (forced.empty() ? format.matches(place.path) : forced == format.name) return format;
    names.push_back(format.name);
    looked_for += fmt::format("{}{} ({})", looked_for.empty() ? "" : "; ", format.looks_like, format.name);
  }
  if (!forced.empty()) throw Error("{}: unknown format '{}'{}", spec, forced, suggestion(forced, names));
  throw Error("{}: no data set of a known format; looked for {}", spec, looked_for);
}

}  // namespace

AnnotationSet open_data(std::string_view spec, Problems* problems) {
  std::string_view rest = spec, forced;
  if (rest.starts_with("format=")) {
    const size_t comma = rest.find(',');
    if (comma == std::string_view::npos)
      throw Error("{}: got no comma after the format's name, expected format=NAME,PATH", spec);
    forced = rest.substr(7, comma - 7);
    rest.remove_prefix(comma + 1);
  }
  check_local(rest);
  const Place place = place_of(rest);
  if (!fs::exists(place.path)) throw Error("{}: no such file or folder", place.path.string());
  const Format& format = find_format(spec, place, forced);
  if (!place.suffix.empty() && !std::strchr(format.looks_like, ':')) {
    throw Error("{}: got ':{}' after a {} data set, which has no parts to choose from", spec, place.suffix,
                format.name);
  }
  return format.read(place, problems);
}

}  // namespace skylift
