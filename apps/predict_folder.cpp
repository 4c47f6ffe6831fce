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

/// images.json; none: somebody else's of this name, too.
std::optional<Json> read_mark(const fs::path& folder) {
  const fs::path path = folder / kImagesFile;
  if (!is_file(path)) return std::nullopt;
  try {
    Json images = parse_json(read_file(path), path.string());
    if (images.is_array()) return images;
  } catch (const Error&) {
  }
  return std::nullopt;
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

/// A name that is ours to remove, whoever wrote images.json.
bool is_result_name(const fs::path& file) {
  if (file == "detections.json" || file == "detections.csv") return true;
  const std::string top = top_of(file);
  return stays_inside(file) && file.extension() == ".txt" && (top == "detections" || top == "labels");
}

/// Whether a run that left the mark has written what has this name. One that was killed, or of a version that did not
/// note it, may have written all.
bool is_of_earlier_run(const std::string& name, const std::set<std::string>& earlier) {
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
                          const std::vector<PredictInput>& inputs) {
  const fs::path pictures = folder / "pictures";
  for (const PredictInput& input : inputs) {
    if (input.live || !is_folder(pictures) || !lies_in(input.source, pictures)) continue;
    throw Error("--out {}: the input {} lies in its pictures/, where drawn pictures go (hint: another --out)",
                folder.string(), input.source);
  }
  const bool marked = read_mark(folder).has_value();
  const std::set<std::string> earlier = earlier_results(folder);
  for (const std::string& name : written_names(format, draw, inputs)) {
    if (!is_there(folder / name) || (marked && is_of_earlier_run(name, earlier))) continue;
    throw Error("--out {}: has {} that no earlier predict wrote, expected a folder without (hint: another --out)",
                folder.string(), name);
  }
}

void make_predict_folder(const fs::path& folder) {
  make_folder(folder);
  if (!is_there(folder / kImagesFile)) write_file(folder / kImagesFile, "[]\n");
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
