#include "skylift/annotations/image_finder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace skylift {
namespace fs = std::filesystem;
namespace {

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The number of letters that agree where one path is the other or its end, else 0.
size_t agreement(std::string_view one, std::string_view other) {
  if (one.size() < other.size()) std::swap(one, other);
  const bool is_end = one.ends_with(other) && (one.size() == other.size() || one[one.size() - other.size() - 1] == '/');
  return is_end ? other.size() : 0;
}

}  // namespace

std::string plain_path(std::string_view name, ImageFinder::By by) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '\\', '/');
  fs::path path = fs::path(text).lexically_normal();
  if (by == ImageFinder::By::stem) path.replace_extension();
  return path.generic_string();
}

ImageFinder::ImageFinder(const AnnotationSet& set, By by) {
  names_.reserve(set.images.size());
  for (const ImageRecord& image : set.images) {
    by_last_part_[last_part(plain_path(image.file, by))].push_back(names_.size());
    names_.push_back(plain_path(image.file, by));
  }
}

std::vector<size_t> ImageFinder::find(std::string_view name) const {
  const std::string wanted = plain_path(name);
  const auto candidates = by_last_part_.find(last_part(wanted));
  std::vector<size_t> found;
  if (candidates == by_last_part_.end()) return found;
  size_t best = 1;
  for (const size_t image : candidates->second) {
    if (names_[image] == wanted) return {image};
    const size_t agreed = agreement(names_[image], wanted);
    if (agreed > best) found.clear();
    if (agreed >= best) found.push_back(image);
    best = std::max(best, agreed);
  }
  return found;
}

std::vector<std::string> image_files(const AnnotationSet& set) {
  std::vector<std::string> files;
  for (const ImageRecord& image : set.images) files.push_back(image.file);
  return files;
}

std::vector<std::string> without_common_folders(std::vector<std::string> files) {
  const auto folder_of = [](const std::string& file) { return file.substr(0, file.rfind('/') + 1); };
  std::string common = files.empty() ? "" : folder_of(files[0]);
  for (const std::string& file : files) {
    while (!file.starts_with(common)) common = folder_of(common.substr(0, common.size() - 1));
  }
  for (std::string& file : files) file.erase(0, common.size());
  return files;
}

std::vector<std::string> distinct_stems(const std::vector<std::string>& files) {
  std::unordered_map<std::string, int> taken;  // by stems, and by whole names, which "a.jpg.png" has as its stem
  for (const std::string& file : files) {
    ++taken[plain_path(file, ImageFinder::By::stem)];
    if (fs::path(file).has_extension()) ++taken[plain_path(file)];
  }
  std::vector<std::string> names;
  for (const std::string& file : files) {
    std::string stem = plain_path(file, ImageFinder::By::stem);
    names.push_back(taken.at(stem) == 1 ? std::move(stem) : plain_path(file));
  }
  return names;
}

}  // namespace skylift
