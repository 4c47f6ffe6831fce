#include "skylift/annotations/yolo.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>

#include "skylift/annotations/image_size.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/annotations/visdrone.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

const LineLayout& layout() {
  static const LineLayout columns{' ', {"class", "cx", "cy", "w", "h"}, 0};
  return columns;
}

/// A folder stands for the data.yaml in it.
fs::path file_of(const fs::path& path) { return fs::is_directory(path) ? path / "data.yaml" : path; }

/// What data.yaml says; each complaint carries the file and, where there is one, the line.
class YamlReader {
 public:
  explicit YamlReader(const fs::path& path) : path_(path) {
    try {
      root_ = YAML::Load(read_file(path));
    } catch (const YAML::Exception& error) {
      throw Error("{}: not YAML: {}", line_position(path, static_cast<size_t>(error.mark.line) + 1), error.msg);
    }
    if (!root_.IsMap()) throw Error("{}: not a data.yaml, expected keys such as names, train and val", path.string());
  }

  std::vector<std::string> names() const {
    const YAML::Node node = root_["names"];
    std::vector<std::string> out;
    if (node && node.IsSequence()) {
      for (const auto& item : node) out.push_back(scalar(item, "a class name"));
    } else if (node && node.IsMap()) {
      out.resize(node.size());
      std::vector<bool> seen(out.size());
      for (const auto& item : node) {
        const auto index = parse_integer(scalar(item.first, "a class index"));
        const bool good =
            index && *index >= 0 && *index < static_cast<long long>(out.size()) && !seen[static_cast<size_t>(*index)];
        if (!good)
          fail(item.first, fmt::format("got class index {}, expected each of 0..{} once",
                                       in_quotes(item.first.Scalar()), out.size() - 1));
        seen[static_cast<size_t>(*index)] = true;
        out[static_cast<size_t>(*index)] = scalar(item.second, "a class name");
      }
    }
    if (out.empty()) throw Error("{}: no names, expected a list or a map of class names", path_.string());
    return out;
  }

  /// The root of the images.
  fs::path root() const {
    const YAML::Node node = root_["path"];
    return (node ? path_.parent_path() / scalar(node, "a folder") : path_.parent_path()).lexically_normal();
  }

  std::vector<std::string> places(const std::string& split) const {
    const std::vector<std::string> keys = {"train", "val", "test"};
    std::vector<std::string> there, all;
    for (const auto& key : keys) {
      if (root_[key] && !root_[key].IsNull()) there.push_back(key);
    }
    if (there.empty()) throw Error("{}: none of train, val and test, expected folders of images", path_.string());
    if (!split.empty()) {
      if (std::find(there.begin(), there.end(), split) != there.end()) return list_of(root_[split]);
      throw Error("{}: no split {}{}", path_.string(), in_quotes(split), suggestion(split, there));
    }
    for (const auto& key : there) {
      if (list_of(root_[key]) != list_of(root_[there[0]])) {
        throw Error("{}: has the splits {}: name one, {}:{}", path_.string(), fmt::join(there, ", "), path_.string(),
                    there.back());
      }
    }
    return list_of(root_[there[0]]);
  }

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const {
    throw Error("{}: {}", line_position(path_, static_cast<size_t>(node.Mark().line) + 1), what);
  }
  std::string scalar(const YAML::Node& node, const char* expected) const {
    if (!node.IsScalar()) fail(node, fmt::format("expected {}", expected));
    return node.Scalar();
  }
  std::vector<std::string> list_of(const YAML::Node& node) const {
    std::vector<std::string> out;
    if (!node.IsSequence()) return {scalar(node, "a folder, a .txt file or a list of them")};
    for (const auto& item : node) out.push_back(scalar(item, "a folder or a .txt file"));
    return out;
  }

  const fs::path& path_;
  YAML::Node root_;
};

/// Images below a folder or in a list, relative to `root`.
std::vector<std::string> images_at(const fs::path& root, const std::string& place) {
  const fs::path path = root / place;
  std::vector<std::string> files;
  if (fs::is_directory(path)) {
    std::vector<fs::path> folders = {path};
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_directory()) folders.push_back(entry.path());
    }
    for (const auto& folder : folders) {
      for (const auto& name : list_images(folder)) files.push_back((folder / name).lexically_relative(root).string());
    }
  } else if (path.extension() == ".txt" && fs::is_regular_file(path)) {
    const std::string text = read_file(path);
    for (const auto line : split(text, '\n')) {
      // A leading ./ is relative to the list's own folder in Ultralytics' files.
      const fs::path image = (line.starts_with("./") ? path.parent_path() : root) / fs::path(line);
      if (!line.empty()) files.push_back(image.lexically_normal().lexically_relative(root).string());
    }
  } else {
    throw Error("{}: no such folder or .txt list of images", path.string());
  }
  return files;
}

void read_labels(const fs::path& path, ImageRecord& image, size_t classes, Problems* problems) {
  read_number_lines(path, layout(), problems, [&](size_t line, std::span<const double> v) {
    Object object;
    if (!integer_field(path, line, layout(), v, 0, 0, static_cast<int>(classes) - 1, problems, object.class_index))
      return;
    for (size_t k = 1; k < 5; ++k) {
      if (v[k] >= -0.01 && v[k] <= 1.01) continue;
      report(problems, line_position(path, line),
             fmt::format("got {} for {}, expected 0..1 (a share of the image)", v[k], layout().columns[k]));
      return;
    }
    const double w = v[3] * image.width, h = v[4] * image.height;
    object.box = {v[1] * image.width - w / 2, v[2] * image.height - h / 2, w, h};
    object.line = static_cast<int>(line);
    image.objects.push_back(object);
  });
}

/// The part of a box inside the image; w or h is not positive where there is none.
BoxXywh clipped(const BoxXywh& box, const ImageRecord& image) {
  const double x = std::max(0.0, box.x), y = std::max(0.0, box.y);
  return {x, y, std::min<double>(image.width, box.x + box.w) - x, std::min<double>(image.height, box.y + box.h) - y};
}

/// A YAML text in double quotes.
std::string yaml_text(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

}  // namespace

fs::path yolo_label_path(const fs::path& image) {
  fs::path out;
  std::vector<fs::path> parts(image.begin(), image.end());
  const auto last = std::find(parts.rbegin(), parts.rend(), fs::path("images"));
  if (last != parts.rend()) *last = "labels";
  for (const auto& part : parts) out /= part;
  return out.replace_extension(".txt");
}

AnnotationSet read_yolo(const fs::path& yaml, const std::string& split, Problems* problems) {
  const YamlReader reader(yaml);
  AnnotationSet set;
  set.format = "yolo";
  set.source = yaml;
  set.image_folder = reader.root();
  set.classes = reader.names();
  for (size_t i = 0; i < set.classes.size(); ++i) set.class_ids.push_back(static_cast<int64_t>(i));
  std::vector<std::string> files;
  for (const auto& place : reader.places(split)) {
    auto more = images_at(set.image_folder, place);
    files.insert(files.end(), more.begin(), more.end());
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  for (auto& file : files) {
    ImageRecord image;
    image.file = std::move(file);
    image.id = static_cast<int64_t>(set.images.size()) + 1;
    set.images.push_back(std::move(image));
  }
  fill_image_sizes(set, 0, problems);
  std::vector<Problems> found(set.images.size());
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const fs::path labels = yolo_label_path(set.image_path(set.images[i]));
    if (set.images[i].width > 0 && fs::exists(labels))
      read_labels(labels, set.images[i], set.classes.size(), &found[i]);
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  return set;
}

bool is_yolo(const fs::path& path) {
  const fs::path file = file_of(path);
  return fs::is_regular_file(file) && (file.extension() == ".yaml" || file.extension() == ".yml");
}

AnnotationSet open_yolo(const fs::path& path, const std::string& split, Problems* problems) {
  return read_yolo(file_of(path), split, problems);
}

std::string yolo_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  return line_position(yolo_label_path(set.image_path(image)), static_cast<size_t>(object.line));
}

void write_yolo(const fs::path& folder, const AnnotationSet& set) {
  std::string yaml = "path: .\ntrain: images\nval: images\nnames:\n";
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
