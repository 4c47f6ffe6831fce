#include "skylift/annotations/visdrone.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

fs::path annotation_path(const fs::path& folder, const std::string& image_file) {
  return folder / "annotations" / fs::path(image_file).replace_extension(".txt");
}

const LineLayout& visdrone_layout() {
  static const LineLayout columns{',', {"x", "y", "w", "h", "score", "category", "truncation", "occlusion"}, 0};
  return columns;
}

void read_annotation_file(const fs::path& path, ImageRecord& image, Problems* problems) {
  read_number_lines(path, visdrone_layout(), problems, [&](size_t line, std::span<const double> v) {
    int category = 0, truncation = 0, occlusion = 0;
    constexpr int any = std::numeric_limits<int>::max();
    if (!integer_field(path, line, visdrone_layout(), v, 5, 0, visdrone_others, problems, category)) return;
    if (!integer_field(path, line, visdrone_layout(), v, 6, -any, any, problems, truncation)) return;
    if (!integer_field(path, line, visdrone_layout(), v, 7, -any, any, problems, occlusion)) return;
    const BoxXywh box{v[0], v[1], v[2], v[3]};
    if (category == 0) {
      image.ignored_regions.push_back(box);
      return;
    }
    Object object;
    object.box = box;
    object.class_index = category == visdrone_others ? -1 : category - 1;
    object.truncation = truncation;
    object.occlusion = occlusion;
    object.ignored = v[4] == 0;
    object.line = static_cast<int>(line);
    image.objects.push_back(object);
  });
}

}  // namespace

bool is_visdrone(const fs::path& folder) { return is_folder(folder / "images") && is_folder(folder / "annotations"); }

std::string visdrone_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  return line_position(annotation_path(set.source, image.file), static_cast<size_t>(object.line));
}

AnnotationSet read_visdrone(const fs::path& folder, Problems* problems) {
  AnnotationSet set;
  set.format = "visdrone";
  set.source = folder;
  set.image_folder = folder / "images";
  set.classes = visdrone_classes();
  for (int id = 1; id <= 10; ++id) set.class_ids.push_back(id);
  for (const char* part : {"images", "annotations"}) {
    if (!is_folder(folder / part))
      throw Error("{}: no folder {}/, expected images/ and annotations/", folder.string(), part);
  }
  const auto files = list_images(set.image_folder, set.notes);
  for (const auto& name : files) {
    ImageRecord image;
    image.file = name;
    image.id = static_cast<int64_t>(set.images.size()) + 1;
    set.images.push_back(std::move(image));
  }
  std::vector<Problems> found(set.images.size());
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const fs::path path = annotation_path(folder, set.images[i].file);
    if (is_there(path)) {
      read_annotation_file(path, set.images[i], &found[i]);
    } else {
      report(&found[i], path.string(),
             fmt::format("missing, expected the annotations of {}", set.image_path(set.images[i]).string()));
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  report_annotations_without_image(folder / "annotations", ".txt", files, set.image_folder, problems);
  return set;
}

std::vector<int> visdrone_categories(const std::vector<std::string>& classes) {
  std::vector<int> categories;
  const auto& known = visdrone_classes();
  for (const auto& name : classes) {
    const auto found = std::find(known.begin(), known.end(), name);
    categories.push_back(found == known.end() ? visdrone_others : static_cast<int>(found - known.begin()) + 1);
  }
  return categories;
}

void write_visdrone(const fs::path& folder, const AnnotationSet& set) {
  const auto categories = visdrone_categories(set.classes);
  make_folder(folder / "annotations");
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const ImageRecord& image = set.images[i];
    fmt::memory_buffer text;
    const auto out = std::back_inserter(text);
    for (const auto& o : image.objects) {
      const int category = o.class_index < 0 ? visdrone_others : categories.at(static_cast<size_t>(o.class_index));
      fmt::format_to(out, "{},{},{},{},{},{},{},{}\n", o.box.x, o.box.y, o.box.w, o.box.h, o.ignored ? 0 : 1, category,
                     o.truncation, o.occlusion);
    }
    for (const auto& r : image.ignored_regions) fmt::format_to(out, "{},{},{},{},0,0,0,0\n", r.x, r.y, r.w, r.h);
    write_file(annotation_path(folder, image.file), std::string_view(text.data(), text.size()));
  });
}

}  // namespace skylift
