#include "skylift/annotations/visdrone_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/image_finder.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/annotations/result_numbers.h"
#include "skylift/annotations/visdrone.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/parallel.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// Index of the data set's class for each of VisDrone's numbers; -1: regions and "others"; none: it has no such class.
std::vector<std::optional<int>> class_of_category(const AnnotationSet& truth) {
  std::vector<std::optional<int>> classes(visdrone_others + 1);
  classes[0] = classes[visdrone_others] = -1;
  const auto categories = visdrone_categories(truth.classes);
  for (size_t i = 0; i < categories.size(); ++i) {
    if (categories[i] != visdrone_others) classes[static_cast<size_t>(categories[i])] = static_cast<int>(i);
  }
  return classes;
}

/// What one file holds, and how much of it is of classes that the data set does not have.
struct FileResult {
  std::vector<Detection> detections;
  std::map<std::string, int64_t> unknown;
  Problems problems;
};

void read_result_file(const fs::path& path, const std::vector<std::optional<int>>& classes, FileResult& out) {
  static const LineLayout layout{',', {"x", "y", "w", "h", "score", "category", "truncation", "occlusion"}, 6};
  read_number_lines(path, layout, &out.problems, [&](size_t line, std::span<const double> v) {
    int category = 0;
    if (!integer_field(path, line, layout, v, 5, 0, visdrone_others, &out.problems, category)) return;
    if (const auto index = classes[static_cast<size_t>(category)]) {
      out.detections.push_back({{v[0], v[1], v[2], v[3]}, v[4], *index});
    } else {
      ++out.unknown[visdrone_classes()[static_cast<size_t>(category - 1)]];
    }
  });
}

std::vector<fs::path> text_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& file : list_files(folder)) {
    if (fs::path(file).extension() == ".txt") files.push_back(folder / file);
  }
  if (files.empty()) throw Error("{}: no .txt file in it, expected one an image", folder.string());
  return files;
}

/// The image of each file, by its name with the image's ending ("a.jpg.txt") or without.
std::vector<std::optional<size_t>> images_of(const std::vector<fs::path>& files, const fs::path& folder,
                                             const AnnotationSet& truth, Problems* problems) {
  const ImageFinder by_name(truth, ImageFinder::By::name), by_stem(truth, ImageFinder::By::stem);
  std::map<size_t, fs::path> taken;
  std::vector<std::optional<size_t>> images;
  for (const fs::path& file : files) {
    const std::string name = file.lexically_relative(folder).replace_extension().string();
    auto found = by_name.find(name);
    if (found.empty()) found = by_stem.find(name);
    images.emplace_back();
    if (found.empty()) {
      report(problems, file.string(), "no image of this name in the data set");
    } else if (found.size() > 1) {
      report(
          problems, file.string(),
          fmt::format("may be of {} or {} of the data set", truth.images[found[0]].file, truth.images[found[1]].file));
    } else if (const auto [other, is_new] = taken.emplace(found[0], file); !is_new) {
      report(problems, file.string(),
             fmt::format("is of {}, as is {}", truth.images[found[0]].file, other->second.string()));
    } else {
      images.back() = found[0];
    }
  }
  return images;
}

/// VisDrone's toolkit has a file for every image, so one that is absent was more likely lost than empty.
void say_images_without_file(const fs::path& folder, const AnnotationSet& truth,
                             const std::vector<std::optional<size_t>>& images) {
  std::vector<bool> has_file(truth.images.size());
  for (const auto& image : images) {
    if (image) has_file[*image] = true;
  }
  const auto first = std::find(has_file.begin(), has_file.end(), false);
  if (first == has_file.end()) return;
  log_warning("{}: {} of {} images have no file, e.g. {}: taken as without detections", folder.string(),
              std::count(first, has_file.end(), false), truth.images.size(),
              truth.images[static_cast<size_t>(first - has_file.begin())].file);
}

}  // namespace

DetectionSet read_visdrone_results(const fs::path& folder, const AnnotationSet& truth, Problems* problems) {
  const auto files = text_files(folder);
  const auto images = images_of(files, folder, truth, problems);
  say_images_without_file(folder, truth, images);
  const auto classes = class_of_category(truth);
  std::vector<FileResult> results(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    if (images[i]) read_result_file(files[i], classes, results[i]);
  });
  DetectionSet set(truth.images.size());
  std::map<std::string, int64_t> unknown;
  bool any_known = false;
  for (size_t i = 0; i < files.size(); ++i) {
    for (auto& problem : results[i].problems) report(problems, std::move(problem.where), std::move(problem.what));
    for (const auto& [name, count] : results[i].unknown) unknown[name] += count;
    any_known |= !results[i].detections.empty();
    if (images[i]) set[*images[i]] = std::move(results[i].detections);
  }
  say_unknown_classes(folder.string(), truth, unknown, any_known);
  return set;
}

void write_visdrone_detections(const fs::path& folder, const AnnotationSet& truth, const DetectionSet& detections) {
  make_folder(folder);
  const auto categories = visdrone_categories(truth.classes);
  const auto names = distinct_stems(image_files(truth));
  parallel_for(truth.images.size(), 0, [&](size_t i) {
    const auto& found = detections.at(i);
    std::vector<size_t> order(found.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return found[a].score > found[b].score; });
    fmt::memory_buffer text;
    for (const size_t k : order) {
      const Detection& d = found[k];
      check_finite(folder, truth.images[i], d);
      const int category = d.class_index < 0 ? visdrone_others : categories.at(static_cast<size_t>(d.class_index));
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},-1,-1\n", d.box.x, d.box.y, d.box.w, d.box.h, d.score,
                     category);
    }
    write_file(folder / (names[i] + ".txt"), std::string_view(text.data(), text.size()));
  });
}

}  // namespace skylift
