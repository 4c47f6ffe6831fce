#include "skylift/annotations/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <set>
#include <sstream>

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

/// What one XML file says; class names, since indices are known only when all files are read.
struct VocImage {
  ImageRecord record;
  std::vector<std::string> names;  // parallel to record.objects
};

class XmlReader {
 public:
  XmlReader(const fs::path& path, Problems& problems) : path_(path), text_(read_file(path)), problems_(problems) {}

  void read(VocImage& out) {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(text_.data(), text_.size());
    if (!parsed) {
      report(&problems_, position(parsed.offset), fmt::format("not XML: {}", parsed.description()));
      return;
    }
    const auto root = document.child("annotation");
    if (!root) {
      report(&problems_, path_.string(), "no <annotation>, expected a VOC annotation");
      return;
    }
    try {
      const auto size = root.child("size");
      if (size)
        out.record.width = static_cast<int>(number(size, "width")),
        out.record.height = static_cast<int>(number(size, "height"));
    } catch (const Error& wrong) {
      note(wrong);
    }
    for (const auto node : root.children("object")) {
      try {
        out.record.objects.push_back(object(node));
        out.names.push_back(std::string(trim(node.child_value("name"))));
      } catch (const Error& wrong) {
        note(wrong);
      }
    }
  }

 private:
  std::string position(ptrdiff_t offset) const {
    const auto end = text_.begin() + std::clamp<ptrdiff_t>(offset, 0, static_cast<ptrdiff_t>(text_.size()));
    return line_position(path_, static_cast<size_t>(std::count(text_.begin(), end, '\n')) + 1);
  }
  size_t line_of(pugi::xml_node node) const {
    return static_cast<size_t>(std::count(text_.begin(), text_.begin() + node.offset_debug(), '\n')) + 1;
  }
  void note(const Error& wrong) {
    const std::string text = wrong.what();
    const size_t cut = text.find(": ", path_.string().size());
    report(&problems_, text.substr(0, cut), text.substr(cut + 2));
  }

  double number(pugi::xml_node parent, const char* name) const {
    const auto node = parent.child(name);
    if (!node)
      throw Error("{}: <{}> has no <{}>, expected a number", position(parent.offset_debug()), parent.name(), name);
    const auto value = parse_number(node.child_value());
    if (!value)
      throw Error("{}: got {} for <{}>, expected a number", position(node.offset_debug()),
                  in_quotes(node.child_value()), name);
    return *value;
  }
  /// A level that may be absent, or a word such as "Unspecified" in some of VOC's own files: 0 then.
  int level(pugi::xml_node parent, const char* name) const {
    const auto value = parse_integer(parent.child_value(name));
    return value ? static_cast<int>(std::clamp<long long>(*value, 0, 100)) : 0;
  }

  Object object(pugi::xml_node node) const {
    if (trim(node.child_value("name")).empty())
      throw Error("{}: <object> has no <name>", position(node.offset_debug()));
    const auto box = node.child("bndbox");
    if (!box) throw Error("{}: <object> has no <bndbox>", position(node.offset_debug()));
    const double x1 = number(box, "xmin"), y1 = number(box, "ymin"), x2 = number(box, "xmax"), y2 = number(box, "ymax");
    Object out;
    out.box = {x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1};
    out.truncation = level(node, "truncated");
    out.occlusion = level(node, "occluded");
    out.difficult = level(node, "difficult") != 0;
    out.line = static_cast<int>(line_of(node));
    return out;
  }

  const fs::path& path_;
  const std::string text_;
  Problems& problems_;
};

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  const std::string text = read_file(path);
  for (const auto line : split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

/// Image files, all or those that a list of stems names.
std::vector<std::string> image_files(const fs::path& folder, const std::string& split_name, Problems* problems) {
  auto files = list_images(folder / "JPEGImages");
  if (split_name.empty()) return files;
  const fs::path list = folder / "ImageSets" / "Main" / (split_name + ".txt");
  std::set<std::string> wanted;
  for (const auto& line : lines_of(list)) wanted.insert(line.substr(0, line.find_first_of(" \t")));
  std::erase_if(files, [&](const std::string& file) { return !wanted.contains(fs::path(file).stem().string()); });
  for (const auto& file : files) wanted.erase(fs::path(file).stem().string());
  for (const auto& stem : wanted)
    report(problems, list.string(), fmt::format("{} has no image in JPEGImages/", in_quotes(stem)));
  return files;
}

std::set<std::string> names_of(const std::vector<VocImage>& images) {
  std::set<std::string> names;
  for (const auto& image : images) names.insert(image.names.begin(), image.names.end());
  return names;
}

/// All annotation files of a set of which a list chose some: a part has the classes of the whole.
std::vector<VocImage> read_all(const fs::path& annotations) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(annotations)) {
    if (entry.path().extension() == ".xml") files.push_back(entry.path());
  }
  std::vector<VocImage> images(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    Problems of_others;  // those of the files in the list are reported
    XmlReader(files[i], of_others).read(images[i]);
  });
  return images;
}

/// classes.txt, which we write. Without it nothing in the files tells an order: the names that occur, sorted, as VOC's
/// own twenty are.
std::vector<std::string> class_names(const fs::path& folder, const std::vector<VocImage>& images, bool are_all) {
  const fs::path list = folder / "classes.txt";
  if (fs::exists(list)) return lines_of(list);
  const auto names = names_of(are_all ? images : read_all(folder / "Annotations"));
  return {names.begin(), names.end()};
}

void report_annotations_without_image(const fs::path& folder, Problems* problems) {
  std::set<std::string> stems, lonely;
  for (const auto& file : list_images(folder / "JPEGImages")) stems.insert(fs::path(file).stem().string());
  for (const auto& entry : fs::directory_iterator(folder / "Annotations")) {
    if (entry.path().extension() == ".xml" && !stems.contains(entry.path().stem().string()))
      lonely.insert(entry.path().string());
  }
  for (const auto& file : lonely) report(problems, file, "no image of this name in JPEGImages/");
}

/// Indices for names; objects of a name that classes.txt lacks are reported and dropped.
ImageRecord with_indices(VocImage& image, const fs::path& xml, const std::vector<std::string>& classes,
                         Problems* problems) {
  std::vector<Object> objects;
  for (size_t k = 0; k < image.names.size(); ++k) {
    Object& object = image.record.objects[k];
    const auto found = std::find(classes.begin(), classes.end(), image.names[k]);
    if (found == classes.end()) {
      report(problems, line_position(xml, static_cast<size_t>(object.line)),
             fmt::format("got class {}{}", in_quotes(image.names[k]), suggestion(image.names[k], classes)));
      continue;
    }
    object.class_index = static_cast<int>(found - classes.begin());
    objects.push_back(object);
  }
  image.record.objects = std::move(objects);
  return std::move(image.record);
}

void write_object(pugi::xml_node root, const Object& object, const std::string& name) {
  auto node = root.append_child("object");
  const auto add = [](pugi::xml_node parent, const char* key, const std::string& value) {
    parent.append_child(key).text().set(value.c_str());
  };
  add(node, "name", name);
  add(node, "truncated", std::to_string(object.truncation));
  add(node, "occluded", std::to_string(object.occlusion));
  add(node, "difficult", object.difficult ? "1" : "0");
  auto box = node.append_child("bndbox");
  add(box, "xmin", fmt::format("{}", object.box.x + 1));
  add(box, "ymin", fmt::format("{}", object.box.y + 1));
  add(box, "xmax", fmt::format("{}", object.box.x + object.box.w));
  add(box, "ymax", fmt::format("{}", object.box.y + object.box.h));
}

}  // namespace

AnnotationSet read_voc(const fs::path& folder, const std::string& split, Problems* problems) {
  AnnotationSet set;
  set.format = "voc";
  set.source = folder;
  set.image_folder = folder / "JPEGImages";
  for (const char* part : {"JPEGImages", "Annotations"}) {
    if (!fs::is_directory(folder / part))
      throw Error("{}: no folder {}/, expected JPEGImages/ and Annotations/", folder.string(), part);
  }
  const auto files = image_files(folder, split, problems);
  const auto xml_of = [&](size_t i) { return folder / "Annotations" / fs::path(files[i]).replace_extension(".xml"); };
  std::vector<VocImage> images(files.size());
  std::vector<Problems> found(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    const fs::path xml = xml_of(i);
    if (fs::exists(xml)) {
      XmlReader(xml, found[i]).read(images[i]);
    } else {
      report(&found[i], xml.string(), fmt::format("missing, expected the annotations of {}", files[i]));
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  report_annotations_without_image(folder, problems);
  set.classes = class_names(folder, images, split.empty());
  for (size_t i = 0; i < set.classes.size(); ++i) set.class_ids.push_back(static_cast<int64_t>(i) + 1);
  for (size_t i = 0; i < images.size(); ++i) {
    set.images.push_back(with_indices(images[i], xml_of(i), set.classes, problems));
    set.images.back().file = files[i];
    set.images.back().id = static_cast<int64_t>(i) + 1;
  }
  return set;
}

void write_voc(const fs::path& folder, const AnnotationSet& set) {
  std::string names;
  for (const auto& name : set.classes) names += name + "\n";
  write_file(folder / "classes.txt", names);
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const ImageRecord& image = set.images[i];
    pugi::xml_document document;
    auto root = document.append_child("annotation");
    root.append_child("filename").text().set(image.file.c_str());
    auto size = root.append_child("size");
    size.append_child("width").text().set(image.width);
    size.append_child("height").text().set(image.height);
    size.append_child("depth").text().set(3);
    for (const auto& object : image.objects) {
      if (object.class_index >= 0) write_object(root, object, set.classes.at(static_cast<size_t>(object.class_index)));
    }
    std::ostringstream text;
    document.save(text, "  ", pugi::format_default | pugi::format_no_declaration);
    write_file(folder / "Annotations" / fs::path(image.file).replace_extension(".xml"), text.str());
  });
}

}  // namespace skylift
