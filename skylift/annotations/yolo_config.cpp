#include "skylift/annotations/yolo_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/yolo_yaml.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// "train", "val" or "test" for the names that tools give them (CVAT: Train, Validation). Another key is a split if it
/// names a list, as subsets of CVAT's users do. Empty: no split.
std::string split_name(const std::string& key, bool names_list) {
  std::string name = key;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "valid" || name == "validation") return "val";
  if (name == "train" || name == "val" || name == "test") return name;
  return names_list ? key : "";
}

/// Beside images: the list of classes of LabelImg, Roboflow (darknet) or FiftyOne (YOLOv4).
constexpr std::array kClassLists = {"classes.txt", "_darknet.labels", "obj.names"};

/// Whether some image of a folder has its text beside it, and none an XML file, which would be VOC's.
bool has_texts_beside(const fs::path& folder) {
  bool found = false;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() == ".xml") return false;
    found =
        found || (is_image_name(entry.path().string()) && is_file(fs::path(entry.path()).replace_extension(".txt")));
  }
  return found;
}

/// The one YAML of a folder, if it names classes: data.yaml under another name, as Ultralytics finds it.
fs::path only_yaml(const fs::path& folder) {
  fs::path only;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string ending = entry.path().extension().string();
    if ((ending != ".yaml" && ending != ".yml") || !is_file(entry.path())) continue;
    if (!only.empty()) return {};
    only = entry.path();
  }
  return !only.empty() && ("\n" + read_file(only)).find("\nnames:") != std::string::npos ? only : fs::path{};
}

/// The place as its writers mean it, the likeliest first: as it stands; without a "../" that Roboflow writes although
/// the folder lies beside the file (so does Ultralytics read it); without the "data/" that darknet's tools put before
/// all of their paths. Backslashes are Windows' slashes.
std::vector<std::string> place_meanings(std::string place) {
  std::vector<std::string> out = {place};
  std::replace(place.begin(), place.end(), '\\', '/');
  if (place != out[0]) out.push_back(place);
  for (const std::string_view prefix : {"../", "data/"}) {
    if (place.starts_with(prefix)) out.push_back(place.substr(prefix.size()));
  }
  return out;
}

/// What is left of a place without its first folders: it was written where they were (Roboflow's SDK, a notebook). Two
/// parts at least, since "images" alone could be anybody's.
std::vector<std::string> place_ends(std::string place) {
  std::replace(place.begin(), place.end(), '\\', '/');
  std::vector<std::string> out = path_ends(place);
  std::erase_if(out,
                [](const std::string& end) { return end.find('/') == std::string::npos || end.starts_with("../"); });
  return out;
}

}  // namespace

YoloConfig::YoloConfig(fs::path file) : file_(std::move(file)), folder_(file_.parent_path()), roots_({folder_}) {}

fs::path YoloConfig::find_in(const fs::path& folder) {
  for (const char* name : {"data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "obj.data"}) {
    if (is_file(folder / name)) return folder / name;
  }
  if (is_folder(folder / "images") && is_folder(folder / "labels")) {
    for (const char* list : {"classes.txt", "labels/classes.txt"}) {
      if (is_file(folder / list)) return folder / list;
    }
  }
  for (const char* list : kClassLists) {
    if (is_file(folder / list) && has_texts_beside(is_folder(folder / "data") ? folder / "data" : folder))
      return folder / list;
  }
  return only_yaml(folder);
}

YoloConfig YoloConfig::read(const fs::path& file) {
  YoloConfig config(file);
  if (file.extension() == ".data") {
    config.read_darknet();
  } else if (std::ranges::find(kClassLists, file.filename().string()) != kClassLists.end()) {
    config.read_class_list();
  } else {
    config.read_yaml();
  }
  return config;
}

void YoloConfig::read_yaml() {
  const YoloYaml yaml(file_);
  if (yaml.has("path")) {
    // Relative to the file, or as Ultralytics takes it: to the working folder, or to a folder of data sets there.
    const fs::path path = yaml.text("path");
    roots_ = {folder_ / path, path, fs::path("datasets") / path, fs::path("../datasets") / path, folder_};
  } else {
    roots_ = {folder_, "."};
  }
  names_ = yaml.names();
  key_points_ = yaml.key_points();
  for (const char* key : {"train", "val", "test"}) {
    if (yaml.has(key)) add_split(key, yaml.list(key));
  }
  for (const auto& [key, is_list] : yaml.keys()) {
    const std::string name = split_name(key, is_list);
    if (!name.empty() && !has_split(name)) add_split(name, yaml.list(key));
  }
  if (splits_.empty()) add_unnamed_splits();
  if (splits_.empty()) throw Error("{}: none of train, val and test, expected folders of images", file_.string());
}

/// A file that names classes alone, as supervision's does: the folder itself is the set, or folders in it are its splits.
void YoloConfig::add_unnamed_splits() {
  for (const char* folder : {".", "train", "val", "valid", "test"}) {
    const fs::path place = folder;
    if (!is_folder(roots_[0] / place / "images") || !is_folder(roots_[0] / place / "labels")) continue;
    add_split(place == "." ? "all" : split_name(folder, false), {(place / "images").lexically_normal().string()});
  }
}

void YoloConfig::read_darknet() {
  roots_ = {folder_, ".", folder_.parent_path()};  // darknet's cfg/ lies beside data/
  size_t number = 0;
  std::string names;
  long long count = -1;
  const std::string text = read_file(file_);
  for (const auto line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      throw Error("{}: got {}, expected KEY = VALUE", line_position(file_, number), in_quotes(line));
    const std::string_view key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    if (key == "names") names = value;
    if (key == "classes") count = parse_integer(value).value_or(-1);
    const std::string name = split_name(std::string(key), value.ends_with(".txt"));
    if (!name.empty() && !has_split(name)) add_split(name, {std::string(value)});
  }
  if (names.empty()) throw Error("{}: no names, expected names = FILE with a class a line", file_.string());
  names_ = read_lines(find(names, roots_));
  if (count >= 0 && count != static_cast<long long>(names_.size()))
    throw Error("{}: got classes {}, but {} names in {}", file_.string(), count, names_.size(), names);
  if (splits_.empty()) throw Error("{}: none of train, valid and test, expected lists of images", file_.string());
}

void YoloConfig::read_class_list() {
  names_ = read_lines(file_);
  if (names_.empty()) throw Error("{}: no names, expected a class a line", file_.string());
  if (folder_.filename() == "labels") roots_ = {folder_.parent_path()};
  for (const char* images : {"images", "data", "."}) {
    if (splits_.empty() && is_folder(roots_[0] / images)) add_split("all", {images});
  }
}

bool YoloConfig::has_split(const std::string& name) const {
  return std::ranges::any_of(splits_, [&](const auto& split) { return split.first == name; });
}

void YoloConfig::add_split(const std::string& name, Places places) {
  constexpr size_t most = 1000;  // looked through by name
  if (splits_.size() == most)
    throw Error("{}: more than {} splits, expected train, val and test", file_.string(), most);
  splits_.emplace_back(name, std::move(places));
}

fs::path YoloConfig::root() const {
  for (const auto& root : roots_) {
    const fs::path path = root.lexically_normal();
    if (is_folder("." / root)) return path.has_filename() ? path : path.parent_path();  // no '/' at the end
  }
  return folder_;
}

const YoloConfig::Places& YoloConfig::places(const std::string& split) const {
  std::vector<std::string> there;
  for (const auto& [name, places] : splits_) there.push_back(name);
  if (!split.empty()) {
    const auto found = std::find(there.begin(), there.end(), split);
    if (found != there.end()) return splits_[static_cast<size_t>(found - there.begin())].second;
    throw Error("{}: no split {}{}", file_.string(), in_quotes(split), suggestion(split, there));
  }
  for (const auto& [name, places] : splits_) {
    if (places == splits_[0].second) continue;
    throw Error("{}: has the splits {}: name one, {}:{}", file_.string(), fmt::join(there, ", "), file_.string(),
                there.back());
  }
  return splits_[0].second;
}

fs::path YoloConfig::find(const std::string& place, const std::vector<fs::path>& roots) const {
  std::vector<std::string> looked;
  for (const auto& root : roots) {
    for (const auto& meaning : place_meanings(place)) {
      const fs::path path = (root / meaning).lexically_normal();
      if (is_there(path)) return path;
      if (std::find(looked.begin(), looked.end(), path.string()) == looked.end()) looked.push_back(path.string());
    }
  }
  for (const auto& end : place_ends(place)) {
    if (is_there(folder_ / end)) return (folder_ / end).lexically_normal();
  }
  throw Error("{}: {}: no such folder or .txt list of images; looked for {}", file_.string(), in_quotes(place),
              fmt::join(looked, ", "));
}

std::vector<fs::path> YoloConfig::listed_images(const fs::path& list, Problems& notes) const {
  // A leading ./ is relative to the list's own folder in Ultralytics' files.
  std::vector<fs::path> roots = roots_, beside = {list.parent_path()};
  roots.push_back(list.parent_path());
  roots.emplace_back(".");
  std::vector<fs::path> images;
  for (const auto& line : read_lines(list)) {
    if (line.starts_with('#') && !is_image_name(line)) {
      notes.push_back({list.string(), fmt::format("{} is passed over as a comment", in_quotes(line))});
      continue;
    }
    const auto& places = line.starts_with("./") ? beside : roots;
    images.push_back((places[0] / line).lexically_normal());
    if (is_there(images.back())) continue;
    try {
      images.back() = find(line, places);
    } catch (const Error&) {  // said when the image is opened, with all that are missing
    }
  }
  return images;
}

std::vector<fs::path> YoloConfig::images(const std::string& split, Problems& notes) const {
  std::vector<fs::path> images;
  for (const auto& place : places(split)) {
    const fs::path path = find(place, roots_);
    if (path != (roots_[0] / place).lexically_normal())
      notes.push_back({file_.string(), fmt::format("{} is taken as {}", in_quotes(place), path.string())});
    if (is_folder(path)) {
      for (const auto& name : list_images(path, notes)) images.push_back((path / name).lexically_normal());
    } else if (path.extension() == ".txt" && is_file(path)) {
      const auto more = listed_images(path, notes);
      images.insert(images.end(), more.begin(), more.end());
    } else {
      throw Error("{}: {}: no folder and no .txt list of images", file_.string(), path.string());
    }
  }
  return images;
}

}  // namespace skylift
