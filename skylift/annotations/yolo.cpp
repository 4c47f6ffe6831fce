#include "skylift/annotations/yolo.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "skylift/annotations/image_size.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/annotations/shapes.h"
#include "skylift/annotations/yolo_config.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

const LineLayout& yolo_layout() {
  static const LineLayout columns{' ', {"class", "cx", "cy", "w", "h"}, 0, true};
  return columns;
}

/// With the last folder of that name replaced by labels/.
fs::path in_labels(const fs::path& image, const char* folder) {
  fs::path out;
  std::vector<fs::path> parts(image.begin(), image.end());
  const auto last = std::find(parts.rbegin(), parts.rend(), fs::path(folder));
  if (last != parts.rend()) *last = "labels";
  for (const auto& part : parts) out /= part;
  return out.replace_extension(".txt");
}

/// The text of an image where it is: in labels/ beside images/ (or darknet's JPEGImages/), or beside the image.
fs::path existing_label_path(const fs::path& image) {
  const fs::path labels = yolo_label_path(image);
  if (is_there(labels)) return labels;
  for (fs::path other : {in_labels(image, "JPEGImages"), fs::path(image).replace_extension(".txt")}) {
    if (is_there(other)) return other;
  }
  return labels;
}

/// The objects of one image's text. A row is a class and a box, or in a file of its own kind a class and the points of
/// a polygon or of an oriented box.
class LabelReader {
 public:
  LabelReader(const fs::path& path, ImageRecord& image, const std::unordered_map<int64_t, int>& classes, int key_points,
              Problems* problems)
      : path_(path),
        image_(image),
        classes_(classes),
        key_points_(static_cast<size_t>(key_points)),
        problems_(problems) {}

  /// How many of the rows are shapes, with boxes around them.
  int64_t read() {
    size_t boxes = 0, shapes = 0;
    read_number_lines(path_, yolo_layout(), problems_, [&](size_t line, std::span<const double> v) {
      const bool box = v.size() == 5 + key_points_;
      if (!box && (key_points_ > 0 || v.size() < 7 || v.size() % 2 == 0)) return refuse_width(line, v.size());
      ++(box ? boxes : shapes);
      // Ultralytics takes such a box for a polygon of two points.
      if (boxes > 0 && shapes > 0) return complain(line, "boxes and polygons in one file, which has no clear meaning");
      if (check_shares(line, v.subspan(1, box ? 4 : v.size() - 1))) add(line, v, box);
    });
    return static_cast<int64_t>(shapes);
  }

 private:
  void complain(size_t line, std::string what) { report(problems_, line_position(path_, line), std::move(what)); }

  void refuse_width(size_t line, size_t got) {
    if (key_points_ > 0)
      return complain(line,
                      fmt::format("got {} fields, expected {} (a box and kpt_shape's points)", got, 5 + key_points_));
    complain(line, fmt::format("got {} fields, expected 5 (class cx cy w h), or a class and 3 or more points{}", got,
                               got == 6 ? " (hint: a confidence or track id behind the box has to go)" : ""));
  }

  bool check_shares(size_t line, std::span<const double> shares) {
    for (size_t k = 0; k < shares.size(); ++k) {
      if (shares[k] >= -0.01 && shares[k] <= 1.01) continue;
      const std::string name = shares.size() == 4 ? yolo_layout().columns[k + 1] : "a point";
      complain(line, fmt::format("got {} for {}, expected 0..1 (a share of the image)", shares[k], name));
      return false;
    }
    return true;
  }

  void add(size_t line, std::span<const double> v, bool box) {
    const bool whole = v[0] == std::floor(v[0]) && std::abs(v[0]) < 1e9;
    const auto found = whole ? classes_.find(static_cast<int64_t>(v[0])) : classes_.end();
    if (found == classes_.end())
      return complain(line,
                      fmt::format("got {} for class, expected an integer from 0 to {}", v[0], classes_.size() - 1));
    Object object;
    const BoxXywh share = box ? BoxXywh{v[1] - v[3] / 2, v[2] - v[4] / 2, v[3], v[4]} : box_around(v.subspan(1));
    object.box = {share.x * image_.width, share.y * image_.height, share.w * image_.width, share.h * image_.height};
    object.class_index = found->second;
    object.line = static_cast<int>(line);
    image_.objects.push_back(object);
  }

  const fs::path& path_;
  ImageRecord& image_;
  const std::unordered_map<int64_t, int>& classes_;
  size_t key_points_;
  Problems* problems_;
};

/// Images relative to the set's folder where all are in it, else to the deepest that they have in common.
void add_images(AnnotationSet& set, std::vector<fs::path> paths) {
  const auto inside = [&](const fs::path& path) {
    const fs::path below = path.lexically_relative(set.image_folder);
    return !below.empty() && *below.begin() != "..";
  };
  if (!std::all_of(paths.begin(), paths.end(), inside)) {
    for (auto& path : paths) path = fs::absolute(path).lexically_normal();
    set.image_folder = paths[0].parent_path();
    while (!std::all_of(paths.begin(), paths.end(), inside)) set.image_folder = set.image_folder.parent_path();
  }
  std::vector<std::string> files;
  for (const auto& path : paths) files.push_back(path.lexically_relative(set.image_folder).string());
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  for (auto& file : files) {
    ImageRecord image;
    image.file = std::move(file);
    image.id = static_cast<int64_t>(set.images.size()) + 1;
    set.images.push_back(std::move(image));
  }
}

constexpr int64_t kNoFile = -1;

/// An image without a text has no objects, as in Ultralytics. Where none has one they lie elsewhere. `shapes`: of each
/// image's text, or kNoFile.
void tell_about_labels(AnnotationSet& set, const std::vector<int64_t>& shapes, Problems* problems) {
  const int64_t missing = std::count(shapes.begin(), shapes.end(), kNoFile);
  const int64_t all_shapes = std::accumulate(shapes.begin(), shapes.end(), missing);
  if (all_shapes > 0)
    set.notes.push_back({set.source.string(), fmt::format("{} rows are polygons or oriented boxes: the upright boxes "
                                                          "around them",
                                                          all_shapes)});
  if (missing == 0) return;
  const auto example = static_cast<size_t>(std::find(shapes.begin(), shapes.end(), kNoFile) - shapes.begin());
  const std::string looked = yolo_label_path(set.image_path(set.images[example])).string();
  if (missing == static_cast<int64_t>(shapes.size())) {
    report(problems, set.source.string(),
           fmt::format("none of {} images has a label file, looked for {} and so on (hint: an empty text says that an "
                       "image has no objects)",
                       missing, looked));
  } else {
    set.notes.push_back(
        {set.source.string(),
         fmt::format("{} of {} images have no label file, so no objects, e.g. no {}", missing, shapes.size(), looked)});
  }
}

/// A YAML text in double quotes.
std::string yaml_text(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

}  // namespace

fs::path yolo_label_path(const fs::path& image) { return in_labels(image, "images"); }

AnnotationSet read_yolo(const fs::path& file, const std::string& split, Problems* problems,
                        const ImageReading& reading) {
  const YoloConfig config = YoloConfig::read(file);
  AnnotationSet set;
  set.format = "yolo";
  set.source = file;
  set.reading = reading;
  std::vector<NamedClass> names;
  for (const std::string& name : config.names()) names.push_back({name, static_cast<int64_t>(names.size())});
  set_classes(set, names);
  set.image_folder = config.root();
  add_images(set, config.images(split, set.notes));
  fill_image_sizes(set, 0, problems);
  const auto classes = class_of_id(set);
  std::vector<Problems> found(set.images.size());
  std::vector<int64_t> shapes(set.images.size());
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const fs::path labels = existing_label_path(set.image_path(set.images[i]));
    if (!is_there(labels)) {
      shapes[i] = kNoFile;
    } else if (set.images[i].width > 0) {
      shapes[i] = LabelReader(labels, set.images[i], classes, config.key_points(), &found[i]).read();
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  tell_about_labels(set, shapes, problems);
  return set;
}

bool is_yolo(const fs::path& path) {
  if (is_folder(path)) return !YoloConfig::find_in(path).empty();
  const std::string ending = path.extension().string();
  return is_file(path) && (ending == ".yaml" || ending == ".yml" || ending == ".data");
}

AnnotationSet open_yolo(const fs::path& path, const std::string& split, Problems* problems,
                        const ImageReading& reading) {
  const fs::path file = is_folder(path) ? YoloConfig::find_in(path) : path;
  if (file.empty()) throw Error("{}: no data.yaml in this folder", path.string());
  return read_yolo(file, split, problems, reading);
}

std::string yolo_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  return line_position(existing_label_path(set.image_path(image)), static_cast<size_t>(object.line));
}

void write_yolo(const fs::path& folder, const AnnotationSet& set) {
  // No `path`: Ultralytics would take a relative one from its working folder, without one it takes the file's.
  std::string yaml = "train: images\nval: images\nnames:\n";
  for (size_t i = 0; i < set.classes.size(); ++i) yaml += fmt::format("  {}: {}\n", i, yaml_text(set.classes[i]));
  write_file(folder / "data.yaml", yaml);
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const ImageRecord& image = set.images[i];
    if (image.width <= 0 || image.height <= 0)
      throw Error("{}: the size of {} is not known, but boxes are shares of it", folder.string(), image.file);
    fmt::memory_buffer text;
    for (const auto& object : image.objects) {
      const BoxXywh box = clipped(object.box, image);
      if (object.class_index < 0 || box.w <= 0 || box.h <= 0) continue;
      fmt::format_to(std::back_inserter(text), "{} {} {} {} {}\n", object.class_index,
                     (box.x + box.w / 2) / image.width, (box.y + box.h / 2) / image.height, box.w / image.width,
                     box.h / image.height);
    }
    write_file(yolo_label_path(folder / "images" / image.file), std::string_view(text.data(), text.size()));
  });
}

}  // namespace skylift
