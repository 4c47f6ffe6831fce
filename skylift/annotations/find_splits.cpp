#include "skylift/annotations/find_splits.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/yolo_config.h"
#include "skylift/core/error.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

/// The first file FOLDER/instances_PART*.json by name, or PART*.json.
std::optional<fs::path> first_json(const fs::path& folder, const std::string& part) {
  const std::vector<fs::path> entries = sorted_entries(folder);
  for (const std::string& prefix : {"instances_" + part, part}) {
    for (const fs::path& entry : entries) {
      const std::string name = lower_name(entry);
      if (name.starts_with(prefix) && name.ends_with(".json")) return entry;
    }
  }
  return std::nullopt;
}

/// A file that names parts; lists of classes, which find_in knows too, name none.
fs::path config_with_parts(const fs::path& place) {
  const fs::path config = YoloConfig::find_in(place);
  const std::string ending = config.extension().string();
  return ending == ".yaml" || ending == ".yml" || ending == ".data" ? config : fs::path{};
}

}  // namespace

DataSplits find_splits(const fs::path& place) {
  if (is_file(place)) return {place.string() + ":train", place.string() + ":val"};
  const fs::path config = config_with_parts(place);
  if (config.filename() == "data.yaml") return find_splits(config);
  const fs::path annotations = place / "annotations";
  if (const auto train = first_json(annotations, "train"), val = first_json(annotations, "val"); train && val)
    return {train->string(), val->string()};
  if (!config.empty()) return find_splits(config);
  const auto train = first_folder(place, {"train", "training"});
  const auto val = first_folder(place, {"val", "valid", "validation"});
  if (train && val) return {train->string(), val->string()};
  throw Error(
      "{}: {}; looked for data.yaml or another that names classes, for annotations/instances_train*.json with "
      "instances_val*.json, and for train/ with val/, valid/ or validation/ (hint: name the sets, "
      "--set data.train=SPEC --set data.val=SPEC)",
      place.string(), is_there(place) ? "holds no training and validation set" : "is not there");
}

}  // namespace skylift
