#include "skylift/annotations/detections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <utility>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/coco_results.h"
#include "skylift/annotations/image_finder.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/visdrone_results.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/local_path.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace fs = std::filesystem;

void check_finite(const fs::path& path, const ImageRecord& image, const Detection& d) {
  if (std::isfinite(d.box.x) && std::isfinite(d.box.y) && std::isfinite(d.box.w) && std::isfinite(d.box.h) &&
      std::isfinite(d.score))
    return;
  throw Error("{}: a detection in {} has a value that is not finite", path.string(), image.file);
}

namespace {

/// As JSON holds it: what is not UTF-8 becomes U+FFFD.
std::string json_name(const std::string& text) { return dump_json(nlohmann::json(text)); }

/// Rows of YOLO have blanks between their numbers, VisDrone's commas.
bool has_blank_rows(const fs::path& folder) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() != ".txt" || entry.path().filename() == "classes.txt") continue;
    const auto lines = read_lines(entry.path());
    if (!lines.empty()) return lines[0].find(',') == std::string::npos && lines[0].find(' ') != std::string::npos;
  }
  return false;
}

/// What `skylift predict` leaves in its other formats, and Ultralytics with save_txt.
bool is_yolo_or_csv(const fs::path& path) {
  if (!is_folder(path)) return path.extension() == ".csv";
  if (is_there(path / "detections.csv")) return true;
  return !is_there(path / "detections") && (has_blank_rows(path) || has_blank_rows(path / "labels"));
}

DetectionSet read_any(const fs::path& path, const AnnotationSet& truth, Problems* problems) {
  for (const char* name : {"detections.json", "predictions.json"}) {  // ours, Ultralytics' val
    if (is_there(path / name)) return read_coco_results(path / name, truth, problems);
  }
  return is_folder(path) ? read_visdrone_results(path, truth, problems) : read_coco_results(path, truth, problems);
}

/// They would score 0 without a word.
void check_not_parts(const fs::path& path, const DetectionSet& set) {
  bool fractions = false;
  for (const auto& image : set) {
    for (const Detection& d : image) {
      if (std::max({d.box.x, d.box.y, d.box.w, d.box.h}) > 1) return;
      fractions |= d.box.w > 0 && d.box.w < 1;
    }
  }
  if (fractions)
    throw Error(
        "{}: no number of its boxes is above 1, so they are parts of the image's size; expected pixels: x, y, width, "
        "height",
        path.string());
}

}  // namespace

DetectionSet read_detections(const fs::path& path, const AnnotationSet& truth, Problems* problems) {
  check_local(path.string());
  if (!is_there(path))
    throw Error("{}: nothing there, expected COCO result JSON or a folder of VisDrone text files", path.string());
  if (!is_there(path / "detections.json") && is_yolo_or_csv(path)) {
    throw Error(
        "{}: detections in YOLO's format or as CSV, expected COCO result JSON or a folder of VisDrone text files "
        "(hint: "
        "skylift predict --format coco or visdrone)",
        path.string());
  }
  DetectionSet set = read_any(path, truth, problems);
  check_not_parts(path, set);
  return set;
}

void write_coco_detections(const fs::path& path, const AnnotationSet& truth, const DetectionSet& detections) {
  std::vector<std::string> categories;
  for (size_t i = 0; i < truth.classes.size(); ++i) {
    categories.push_back(
        fmt::format("\"category_id\":{},\"category_name\":{}", truth.class_ids.at(i), json_name(truth.classes[i])));
  }
  write_file(path, [&](std::ostream& stream) {
    fmt::memory_buffer text;
    const auto out = std::back_inserter(text);
    const char* between = "[\n";
    for (size_t i = 0; i < truth.images.size(); ++i) {
      const ImageRecord& image = truth.images[i];
      const std::string image_text =
          fmt::format("\"image_id\":{},\"file_name\":{}", id_json(image), json_name(image.file));
      for (const auto& d : detections.at(i)) {
        check_finite(path, image, d);
        if (d.class_index < 0) continue;
        fmt::format_to(out, "{}{{{},{},\"bbox\":[{},{},{},{}],\"score\":{}}}", std::exchange(between, ",\n"),
                       image_text, categories.at(static_cast<size_t>(d.class_index)), d.box.x, d.box.y, d.box.w,
                       d.box.h, d.score);
      }
      stream.write(text.data(), static_cast<std::streamsize>(text.size()));
      text.clear();
    }
    stream << (between[0] == '[' ? "[]\n" : "\n]\n");
  });
}

void write_yolo_detections(const fs::path& folder, const AnnotationSet& truth, const DetectionSet& detections) {
  make_folder(folder);
  const auto names = distinct_stems(image_files(truth));
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
    write_file(folder / (names[i] + ".txt"), std::string_view(text.data(), text.size()));
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
