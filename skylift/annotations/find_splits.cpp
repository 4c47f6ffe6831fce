#include "skylift/annotations/find_splits.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> first_folder(const fs::path& place, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_folder(place / name)) return place / name;
  }
  return std::nullopt;
}

/// The first file FOLDER/PREFIX*.json by name.
std::optional<fs::path> first_json(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  if (!is_folder(folder)) return std::nullopt;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && entry.path().extension() == ".json") found.push_back(entry.path());
  }
  return found.empty() ? std::nullopt : std::optional(*std::ranges::min_element(found));
}

}  // namespace

DataSplits find_splits(const fs::path& place) {
  if (is_file(place)) return {place.string() + ":train", place.string() + ":val"};
  if (is_there(place / "data.yaml")) return find_splits(place / "data.yaml");
  if (const auto train = first_folder(place, {"train"}), val = first_folder(place, {"val", "valid", "validation"});
      train && val) {
    return {train->string(), val->string()};
  }
  const fs::path annotations = place / "annotations";
  if (const auto train = first_json(annotations, "instances_train"), val = first_json(annotations, "instances_val");
      train && val) {
    return {train->string(), val->string()};
  }
  throw Error(
      "{}: {}; looked for data.yaml, for train/ with val/, valid/ or validation/, and for "
      "annotations/instances_train*.json "
      "with instances_val*.json (hint: name the sets, --set data.train=SPEC --set data.val=SPEC)",
      place.string(), is_there(place) ? "holds no training and validation set" : "is not there");
}

}  // namespace skylift
