#include "skylift/annotations/coco_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/image_finder.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

constexpr std::array kNamesInFolder = {"annotations.json", "_annotations.coco.json", "result.json"};

/// "val2017" of instances_val2017.json, "my_val" of instances_my_val.json.
std::string subset_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  for (const std::string_view task : {"instances_", "person_keypoints_"}) {
    if (stem.starts_with(task)) return stem.substr(task.size());
  }
  return stem.substr(stem.rfind('_') + 1);
}

/// The JSON files in annotations/; of boxes alone where there are captions and key points too. None beside VisDrone's
/// texts.
std::vector<fs::path> in_annotations(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!is_folder(folder / "annotations")) return files;
  bool instances = false;
  for (const auto& name : list_files(folder / "annotations")) {
    if (name.ends_with(".txt")) return {};
    if (name.ends_with(".json")) files.push_back(folder / "annotations" / name);
    instances |= name.ends_with(".json") && name.starts_with("instances_");
  }
  if (instances) {
    std::erase_if(files, [](const fs::path& file) { return !file.filename().string().starts_with("instances_"); });
  }
  return files;
}

/// The file of a folder by its name; FiftyOne's labels.json, which others may call so too, has data/ beside it.
fs::path named_file(const fs::path& folder) {
  for (const char* name : kNamesInFolder) {
    if (is_file(folder / name)) return folder / name;
  }
  const bool fiftyone = is_folder(folder / "data") && is_file(folder / "labels.json");
  return fiftyone ? folder / "labels.json" : fs::path{};
}

size_t sample_count(const AnnotationSet& set) { return std::min<size_t>(8, set.images.size()); }

/// 2 for each sampled image that lies below the folder under its own name, 1 under a part of it.
int score(const AnnotationSet& set, const fs::path& folder) {
  if (!is_folder(folder)) return 0;
  int found = 0;
  for (size_t i = 0; i < sample_count(set); ++i) {
    const std::string& file = set.images[i * set.images.size() / sample_count(set)].file;
    const std::string spelling = existing_spelling(folder, file);
    if (stays_inside(spelling) && is_file(folder / spelling)) found += spelling == file ? 2 : 1;
  }
  return found;
}

/// Where no usual place has an image (SAHI's val_images_640_02/ beside val_640_02.json, AI-TOD's val/images/): the only
/// folder in one of the places, or images/ in one, that has all of the sample. Empty: none, or several.
fs::path folder_nearby(const AnnotationSet& set, const std::vector<fs::path>& places) {
  constexpr size_t most = 64;  // of a folder with more it is not known what they are
  fs::path found;
  for (const fs::path& place : places) {
    auto entries = sorted_entries(place.empty() ? "." : place);
    std::erase_if(entries, [](const fs::path& entry) { return !is_folder(entry); });
    if (entries.size() > most) continue;
    for (const fs::path& entry : entries) {
      for (const fs::path& folder : {entry, entry / "images"}) {
        if (score(set, folder) < 2 * static_cast<int>(sample_count(set))) continue;
        if (!found.empty()) return {};
        found = folder;
      }
    }
  }
  return found;
}

fs::path best_folder(AnnotationSet& set) {
  const fs::path beside = set.source.parent_path(), above = (beside / "..").lexically_normal();
  const std::string subset = subset_of(set.source);
  fs::path best = is_folder(beside / "images") ? beside / "images" : beside;
  int most = score(set, best);
  for (const auto& folder : {beside / "images", beside, beside / "data", beside / "images" / subset, beside / subset,
                             above / "images", above / "images" / subset, above / subset, above}) {
    const int found = score(set, folder);
    if (found <= most) continue;
    most = found;
    best = folder;
  }
  if (most > 0 || set.images.empty()) return best;
  const bool in_annotations_folder = lower_name(beside).starts_with("annotation");
  const fs::path nearby = folder_nearby(set, in_annotations_folder ? std::vector{beside, above} : std::vector{beside});
  if (nearby.empty()) return best;
  set.notes.push_back({set.source.string(), fmt::format("its images are taken from {}", nearby.string())});
  return nearby;
}

std::string last_name(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

/// Whether a name lost a folder that is not the one it was found in: b/0001.jpg in .../a. What stands before a path of
/// another machine, or leads up, says nothing.
bool is_of_another_folder(const std::string& name, const std::string& spelling, const fs::path& folder) {
  const fs::path whole = plain_path(name), kept = spelling;
  const std::vector<fs::path> parts(whole.begin(), whole.end());
  const auto cut = static_cast<std::ptrdiff_t>(parts.size()) - std::distance(kept.begin(), kept.end());
  if (cut <= 0 || whole.is_absolute() || parts[0] == ".." || parts[0].string().ends_with(':')) return false;
  std::error_code code;
  const fs::path& before = parts[static_cast<size_t>(cut) - 1];
  return before != last_name(folder) && before != fs::canonical(folder, code).filename();
}

/// Whether a whole path leads to another image of this machine than the one that is taken for it; a copy is the same.
bool is_another_file(const std::string& name, const fs::path& taken) {
  const fs::path whole = plain_path(name);
  std::error_code code;
  return whole.is_absolute() && is_file(whole) && is_file(taken) &&
         fs::file_size(whole, code) != fs::file_size(taken, code);
}

}  // namespace

bool has_coco_file(const fs::path& folder) { return !named_file(folder).empty() || !in_annotations(folder).empty(); }

CocoPlace find_coco_file(const fs::path& path, const std::string& part) {
  if (!is_folder(path)) return {path, part};
  if (const fs::path file = named_file(path); !file.empty()) return {file, part};
  const auto files = in_annotations(path);
  if (files.empty()) return {};
  std::vector<std::string> subsets;
  for (const auto& file : files) {
    if (part == subset_of(file) || part == file.stem().string()) return {file, ""};
    subsets.push_back(subset_of(file));
  }
  if (files.size() == 1) return {files[0], part};
  throw Error("{}: annotations/ has the sets {}: name one, {}:{}", path.string(), fmt::join(subsets, ", "),
              path.string(), subsets.back());
}

void find_coco_images(AnnotationSet& set, const fs::path& given_folder, Problems* problems) {
  set.image_folder = given_folder.empty() ? best_folder(set) : given_folder;
  // One look at the disk for each image only where a sample says that names are not the files'.
  const bool as_written = score(set, set.image_folder) == 2 * static_cast<int>(sample_count(set));
  size_t changed = 0;
  std::string example;
  for (auto& image : set.images) {
    if (as_written && image.file.find_first_of("\\%") == std::string::npos) continue;
    std::string spelling = existing_spelling(set.image_folder, image.file);
    if (spelling == image.file) continue;
    if (!given_folder.empty() && is_of_another_folder(image.file, spelling, given_folder)) {
      report(problems, set.source.string(),
             fmt::format("file_name {} is not in {}, where {} may be another image (hint: IMAGE_DIR is the folder that "
                         "file_name begins in)",
                         in_quotes(image.file), given_folder.string(), spelling));
      continue;
    }
    if (given_folder.empty() && is_another_file(image.file, set.image_folder / spelling)) {
      report(problems, set.source.string(),
             fmt::format("file_name {} is another image than {} (hint: {}:IMAGE_DIR is the folder of its images)",
                         in_quotes(image.file), (set.image_folder / spelling).string(), set.source.string()));
    }
    if (changed++ == 0) example = fmt::format("{} as {}", image.file, spelling);
    image.file = std::move(spelling);
  }
  if (changed > 0)
    set.notes.push_back(
        {set.source.string(), fmt::format("{} file_name taken in another spelling, e.g. {}", changed, example)});
}

}  // namespace skylift
