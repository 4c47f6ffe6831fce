#include "apps/predict_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "skylift/annotations/annotations.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

/// While a run goes on, and after one that was killed or read nothing: what it writes. images.json says it afterwards.
constexpr const char* kUnfinishedFile = ".predict-unfinished";

Json read_list(const fs::path& path) {
  try {
    if (is_file(path)) {
      Json list = parse_json(read_file(path), path.string());
      if (list.is_array()) return list;
    }
  } catch (const Error&) {  // somebody else's of this name
  }
  return nullptr;
}

bool is_text(const Json& image, const char* key) {
  const auto found = image.is_object() ? image.find(key) : image.end();
  return found != image.end() && found->is_string();
}

/// images.json, an empty one too; none: somebody else's of this name.
std::optional<Json> read_mark(const fs::path& folder) {
  Json images = read_list(folder / kImagesFile);
  const auto is_ours = [](const Json& image) { return is_text(image, "file_name") && is_text(image, "source"); };
  if (!images.is_array() || !std::ranges::all_of(images, is_ours)) return std::nullopt;
  return images;
}

std::set<std::string> unfinished_names(const fs::path& folder) {
  std::set<std::string> names;
  for (const Json& name : read_list(folder / kUnfinishedFile)) {
    if (name.is_string()) names.insert(name.get<std::string>());
  }
  return names;
}

std::string top_of(const fs::path& file) { return file.empty() ? "" : file.begin()->string(); }

/// What is written at the top of the folder.
std::vector<std::string> written_names(const std::string& format, bool draw, const std::vector<PredictInput>& inputs) {
  std::vector<std::string> names = {kImagesFile, top_of(result_file(format, "a"))};
  if (format == "yolo") names.emplace_back("classes.txt");
  if (draw) names.emplace_back("pictures");
  for (const PredictInput& input : inputs) {
    if (input.live) names.push_back(input.name + ".jsonl");
  }
  return names;
}

bool begins_with(const fs::path& path, const fs::path& folder) {
  return !folder.empty() && std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

/// By its own place, or by that of the file that it links to.
bool lies_in(const fs::path& path, const fs::path& folder) {
  std::error_code code;
  const fs::path whole = fs::absolute(path), place = fs::weakly_canonical(folder, code);
  return begins_with(fs::weakly_canonical(whole.parent_path(), code) / whole.filename(), place) ||
         begins_with(fs::weakly_canonical(whole, code), place);
}

/// `json`: "-" and none are no files.
void check_json(const fs::path& json, const fs::path& result) {
  if (!json.empty() && json != "-" && lies_in(json, result))
    throw Error("--json {}: is what this run writes its results into (hint: another name)", json.string());
}

/// A name that is ours to remove, whoever wrote images.json.
bool is_result_name(const fs::path& file) {
  if (file == "detections.json" || file == "detections.csv") return true;
  const std::string top = top_of(file);
  return stays_inside(file) && file.extension() == ".txt" && (top == "detections" || top == "labels");
}

/// Whether the run that left this mark has written what has this name. One of a version that did not note it may have
/// written all; an empty list, which anybody may have, holds nothing and tells of nothing but itself.
bool is_of_earlier_run(const std::string& name, const Json& mark, const std::set<std::string>& earlier) {
  if (mark.empty() || name == kImagesFile) return name == kImagesFile;
  static const std::set<std::string> noted = {"detections.json", "detections.csv", "detections", "labels"};
  const std::string of_run = name == "classes.txt" ? "labels" : name;
  return earlier.empty() || !noted.contains(of_run) ||
         std::ranges::any_of(earlier, [&](const std::string& file) { return top_of(file) == of_run; });
}

}  // namespace

std::string result_file(const std::string& format, const std::string& stem) {
  if (format == "visdrone") return "detections/" + stem + ".txt";
  if (format == "yolo") return "labels/" + stem + ".txt";
  return format == "csv" ? "detections.csv" : "detections.json";
}

void check_predict_folder(const fs::path& folder, const std::string& format, bool draw,
                          const std::vector<PredictInput>& inputs, const fs::path& json) {
  const fs::path pictures = folder / "pictures";
  for (const PredictInput& input : inputs) {
    if (input.live || !is_folder(pictures) || !lies_in(input.source, pictures)) continue;
    throw Error("--out {}: the input {} lies in its pictures/, where drawn pictures go (hint: another --out)",
                folder.string(), input.source);
  }
  const std::optional<Json> mark = read_mark(folder);
  const std::set<std::string> earlier = earlier_results(folder), unfinished = unfinished_names(folder);
  check_json(json, folder / kUnfinishedFile);
  for (const std::string& name : written_names(format, draw, inputs)) {
    check_json(json, folder / name);
    if (!is_there(folder / name) || unfinished.contains(name) || (mark && is_of_earlier_run(name, *mark, earlier)))
      continue;
    throw Error("--out {}: has {} that no earlier predict wrote, expected a folder without (hint: another --out)",
                folder.string(), name);
  }
}

void begin_predict_folder(const fs::path& folder, const std::string& format, bool draw,
                          const std::vector<PredictInput>& inputs) {
  std::set<std::string> names = unfinished_names(folder);
  for (const std::string& name : written_names(format, draw, inputs)) names.insert(name);
  write_file(folder / kUnfinishedFile, dump_json(Json(names)) + "\n");
}

void end_predict_folder(const fs::path& folder) {
  std::error_code absent;
  fs::remove(folder / kUnfinishedFile, absent);
}

std::set<std::string> earlier_results(const fs::path& folder) {
  std::set<std::string> files;
  const std::optional<Json> images = read_mark(folder);
  if (!images) return files;
  for (const Json& image : *images) {
    const auto found = image.is_object() ? image.find("detections") : image.end();
    if (found == image.end() || !found->is_string()) continue;
    if (const auto file = found->get<std::string>(); is_result_name(file)) files.insert(file);
  }
  return files;
}

void remove_earlier_results(const fs::path& folder, const std::set<std::string>& earlier,
                            const std::set<std::string>& written) {
  std::error_code absent;
  const auto is_label = [](const std::string& file) { return file.starts_with("labels/"); };
  if (std::ranges::any_of(earlier, is_label) && std::ranges::none_of(written, is_label))
    fs::remove(folder / "classes.txt", absent);
  for (const std::string& file : earlier) {
    if (written.contains(file)) continue;
    fs::path below = file;
    fs::remove(folder / below, absent);
    for (below = below.parent_path(); !below.empty(); below = below.parent_path())
      fs::remove(folder / below, absent);  // fails where there is more in it
  }
}

}  // namespace skylift
