#include "skylift/annotations/detections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <ostream>
#include <string>
#include <unordered_map>

#include "skylift/annotations/json_record.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

struct ResultEntry {
  unsigned seen = 0;
  int64_t image_id = 0, category_id = 0;
  Detection detection;
};

void take_result(ResultEntry& out, JsonField& field) {
  if (field.key == "image_id") {
    out.image_id = field.integer(), out.seen |= 1;
  } else if (field.key == "category_id") {
    out.category_id = field.integer(), out.seen |= 2;
  } else if (field.key == "bbox") {
    out.detection.box = field.box(), out.seen |= 4;
  } else if (field.key == "score") {
    out.detection.score = field.number(), out.seen |= 8;
  }
}

std::unordered_map<int64_t, int> classes_by_id(const AnnotationSet& truth) {
  auto classes = class_of_id(truth);
  if (truth.format == "visdrone") classes.insert({{0, -1}, {11, -1}});
  return classes;
}

DetectionSet read_coco_results(const fs::path& path, const AnnotationSet& truth, Problems* problems) {
  const MappedFile map(path);
  const auto members = split_json(map.bytes(), path);
  if (members.size() != 1 || !members[0].key.empty() || !members[0].is_list) {
    throw Error(
        "{}: got an object, expected a list of results [{{\"image_id\", \"category_id\", \"bbox\", \"score\"}}, ...]",
        path.string());
  }
  const JsonMember& list = members[0];
  const std::vector<RequiredField> required = {{1, "image_id", "an integer"},
                                               {2, "category_id", "an integer"},
                                               {4, "bbox", "[x, y, width, height]"},
                                               {8, "score", "a number"}};
  const auto entries =
      read_records<ResultEntry>(path, list, map.bytes().data() + map.bytes().size(), problems, required, take_result);

  std::unordered_map<int64_t, size_t> images;
  for (size_t i = 0; i < truth.images.size(); ++i) images.emplace(truth.images[i].id, i);
  const auto classes = classes_by_id(truth);
  DetectionSet set(truth.images.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].seen) continue;
    const auto image = images.find(entries[i].image_id);
    const auto category = classes.find(entries[i].category_id);
    if (image == images.end()) {
      report(problems, json_position(path, list, i, ".image_id"),
             fmt::format("got {}, expected the id of an image of the data set", entries[i].image_id));
    } else if (category == classes.end()) {
      report(problems, json_position(path, list, i, ".category_id"),
             fmt::format("got {}, expected one of {}", entries[i].category_id, fmt::join(truth.class_ids, ", ")));
    } else {
      auto& detections = set[image->second];
      detections.push_back(entries[i].detection);
      detections.back().class_index = category->second;
    }
  }
  return set;
}

/// Path of an image's text file below the folder of results.
fs::path result_name(const ImageRecord& image) { return fs::path(image.file).replace_extension(".txt"); }

void read_result_file(const fs::path& path, const std::unordered_map<int64_t, int>& classes,
                      std::vector<Detection>& out, Problems* problems) {
  static const LineLayout layout{',', {"x", "y", "w", "h", "score", "category", "truncation", "occlusion"}, 6};
  read_number_lines(path, layout, problems, [&](size_t line, std::span<const double> v) {
    const auto category = to_integer(v[5]);
    const auto found = category ? classes.find(*category) : classes.end();
    if (found != classes.end()) {
      out.push_back({{v[0], v[1], v[2], v[3]}, v[4], found->second});
    } else {
      report(problems, line_position(path, line),
             fmt::format("got category {}, expected one of the data set's ids", v[5]));
    }
  });
}

DetectionSet read_visdrone_results(const fs::path& folder, const AnnotationSet& truth, Problems* problems) {
  std::unordered_map<std::string, size_t> images;
  for (size_t i = 0; i < truth.images.size(); ++i) images.emplace(result_name(truth.images[i]).string(), i);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw Error("{}: no .txt file in it, expected one an image", folder.string());
  const auto classes = classes_by_id(truth);
  DetectionSet set(truth.images.size());
  std::vector<Problems> found(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    const auto image = images.find(fs::relative(files[i], folder).string());
    if (image == images.end()) {
      report(&found[i], files[i].string(), "no image of this name in the data set");
    } else {
      read_result_file(files[i], classes, set[image->second], &found[i]);
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  return set;
}

void check_finite(const fs::path& path, const ImageRecord& image, const Detection& d) {
  if (std::isfinite(d.box.x) && std::isfinite(d.box.y) && std::isfinite(d.box.w) && std::isfinite(d.box.h) &&
      std::isfinite(d.score))
    return;
  throw Error("{}: a detection in {} has a value that is not finite", path.string(), image.file);
}

}  // namespace

DetectionSet read_detections(const fs::path& path, const AnnotationSet& truth, Problems* problems) {
  if (!fs::exists(path))
    throw Error("{}: nothing there, expected COCO result JSON or a folder of VisDrone text files", path.string());
  return fs::is_directory(path) ? read_visdrone_results(path, truth, problems)
                                : read_coco_results(path, truth, problems);
}

void write_coco_detections(const fs::path& path, const AnnotationSet& truth, const DetectionSet& detections) {
  write_file(path, [&](std::ostream& stream) {
    fmt::memory_buffer text;
    const auto out = std::back_inserter(text);
    const char* between = "[\n";
    for (size_t i = 0; i < truth.images.size(); ++i) {
      for (const auto& d : detections.at(i)) {
        check_finite(path, truth.images[i], d);
        if (d.class_index < 0) continue;
        fmt::format_to(out, "{}{{\"image_id\":{},\"category_id\":{},\"bbox\":[{},{},{},{}],\"score\":{}}}",
                       std::exchange(between, ",\n"), truth.images[i].id,
                       truth.class_ids.at(static_cast<size_t>(d.class_index)), d.box.x, d.box.y, d.box.w, d.box.h,
                       d.score);
      }
      stream.write(text.data(), static_cast<std::streamsize>(text.size()));
      text.clear();
    }
    stream << (between[0] == '[' ? "[]\n" : "\n]\n");
  });
}

void write_visdrone_detections(const fs::path& folder, const AnnotationSet& truth, const DetectionSet& detections) {
  make_folder(folder);
  parallel_for(truth.images.size(), 0, [&](size_t i) {
    const auto& image_detections = detections.at(i);
    std::vector<size_t> order(image_detections.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return image_detections[a].score > image_detections[b].score; });
    fmt::memory_buffer text;
    for (const size_t k : order) {
      const Detection& d = image_detections[k];
      check_finite(folder, truth.images[i], d);
      const int64_t category = d.class_index < 0 ? 11 : truth.class_ids.at(static_cast<size_t>(d.class_index));
      fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},-1,-1\n", d.box.x, d.box.y, d.box.w, d.box.h, d.score,
                     category);
    }
    write_file(folder / result_name(truth.images[i]), std::string_view(text.data(), text.size()));
  });
}

void write_yolo_detections(const fs::path& folder, const AnnotationSet& truth, const DetectionSet& detections) {
  make_folder(folder);
  parallel_for(truth.images.size(), 0, [&](size_t i) {
    const ImageRecord& image = truth.images[i];
    if (image.width <= 0 || image.height <= 0) throw Error("{}: the size of this image is not known", image.file);
    const double width = image.width, height = image.height;
    fmt::memory_buffer text;
    for (const Detection& d : detections.at(i)) {
      check_finite(folder, image, d);
      if (d.class_index < 0) continue;
      fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {}\n", d.class_index, (d.box.x + d.box.w / 2) / width,
                     (d.box.y + d.box.h / 2) / height, d.box.w / width, d.box.h / height, d.score);
    }
    write_file(folder / result_name(image), std::string_view(text.data(), text.size()));
  });
}

namespace {

/// As RFC 4180 has it: in quotes where a separator, a quote or a line's end is inside.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted.append(letter == '"' ? 2 : 1, letter);
  return quoted + "\"";
}

}  // namespace

void write_csv_detections(const fs::path& path, const AnnotationSet& truth, const DetectionSet& detections) {
  write_file(path, [&](std::ostream& stream) {
    stream << "file,class,score,x,y,width,height\n";
    for (size_t i = 0; i < truth.images.size(); ++i) {
      fmt::memory_buffer text;
      for (const Detection& d : detections.at(i)) {
        check_finite(path, truth.images[i], d);
        const std::string name = d.class_index < 0 ? "" : truth.classes.at(static_cast<size_t>(d.class_index));
        fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", csv_field(truth.images[i].file),
                       csv_field(name), d.score, d.box.x, d.box.y, d.box.w, d.box.h);
      }
      stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    }
  });
}

}  // namespace skylift
