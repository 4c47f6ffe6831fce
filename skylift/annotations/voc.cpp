#include "skylift/annotations/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <pugixml.hpp>
#include <set>
#include <unordered_map>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/annotations/shapes.h"
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
  int turned = 0;                  // boxes around turned ones
};

struct Layout {
  fs::path images, annotations;  // empty: none
};

bool has_xml(const fs::path& folder) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() == ".xml" && !is_hidden(entry.path())) return true;
  }
  return false;
}

/// VOC's own folders, or others that have XML files: annotations/ beside images/, or the images' own folder.
Layout find_layout(const fs::path& folder) {
  if (fs::is_directory(folder / "JPEGImages") && fs::is_directory(folder / "Annotations"))
    return {folder / "JPEGImages", folder / "Annotations"};
  for (const char* annotations : {"annotations", "Annotations"}) {
    if (fs::is_directory(folder / "images") && has_xml(folder / annotations))
      return {folder / "images", folder / annotations};
  }
  return has_xml(folder) ? Layout{folder, folder} : Layout{};
}

std::string utf8_of_latin1(std::string_view text) {
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0 | byte >> 6);
      utf8 += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return utf8;
}

class XmlReader {
 public:
  XmlReader(const fs::path& path, Problems& problems) : path_(path), text_(read_file(path)), problems_(problems) {}

  void read(VocImage& out) {
    pugi::xml_document document;
    auto parsed = document.load_buffer(text_.data(), text_.size());
    // pugixml's offsets are those in its own UTF-8, so the lines are counted there.
    if (parsed.encoding == pugi::encoding_latin1) {
      text_ = utf8_of_latin1(text_);
      parsed = document.load_buffer(text_.data(), text_.size(), pugi::parse_default, pugi::encoding_utf8);
    } else if (parsed.encoding != pugi::encoding_utf8) {
      report(&problems_, path_.string(), "in UTF-16 or UTF-32, expected UTF-8 or Latin-1 (hint: save it as UTF-8)");
      return;
    }
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') line_ends_.push_back(static_cast<ptrdiff_t>(i));
    }
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
      if (size) out.record.width = length(size, "width"), out.record.height = length(size, "height");
    } catch (const Error& wrong) {
      note(wrong);
    }
    for (const auto node : root.children("object")) {
      try {
        out.record.objects.push_back(object(node));
        out.turned += !node.child("bndbox");
        out.names.push_back(std::string(trim(node.child_value("name"))));
      } catch (const Error& wrong) {
        note(wrong);
      }
    }
  }

 private:
  size_t line_of(ptrdiff_t offset) const {
    const auto next = std::lower_bound(line_ends_.begin(), line_ends_.end(), offset);
    return static_cast<size_t>(next - line_ends_.begin()) + 1;
  }
  std::string position(ptrdiff_t offset) const { return line_position(path_, line_of(offset)); }
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
  int length(pugi::xml_node parent, const char* name) const {
    const double value = number(parent, name);
    // Some tools write 0 for a size that they do not know, and some a fraction.
    if (value >= 0 && value <= std::numeric_limits<int>::max()) return static_cast<int>(value);
    throw Error("{}: got {} for <{}>, expected a length in px", position(parent.child(name).offset_debug()), value,
                name);
  }
  /// A level that may be absent, or a word such as "Unspecified" in some of VOC's own files: 0 then.
  int level(pugi::xml_node parent, const char* name) const {
    const auto value = parse_integer(parent.child_value(name));
    return value ? static_cast<int>(std::clamp<long long>(*value, 0, 100)) : 0;
  }

  /// <bndbox>, or the upright box around the turned one of roLabelImg: <robndbox> with a centre and an angle.
  BoxXywh box(pugi::xml_node node) const {
    if (const auto turned = node.child("robndbox"); turned && !node.child("bndbox")) {
      const double w = number(turned, "w"), h = number(turned, "h");
      return box_around_turned({number(turned, "cx") - w / 2, number(turned, "cy") - h / 2, w, h},
                               number(turned, "angle"));
    }
    const auto box = node.child("bndbox");
    if (!box) throw Error("{}: <object> has no <bndbox>", position(node.offset_debug()));
    const double x1 = number(box, "xmin"), y1 = number(box, "ymin"), x2 = number(box, "xmax"), y2 = number(box, "ymax");
    return {x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1};
  }

  Object object(pugi::xml_node node) const {
    if (trim(node.child_value("name")).empty())
      throw Error("{}: <object> has no <name>", position(node.offset_debug()));
    Object out;
    out.box = box(node);
    out.truncation = level(node, "truncated");
    out.occlusion = level(node, "occluded");
    out.difficult = level(node, "difficult") != 0;
    out.line = static_cast<int>(line_of(node.offset_debug()));
    return out;
  }

  const fs::path& path_;
  std::string text_;
  std::vector<ptrdiff_t> line_ends_;
  Problems& problems_;
};

/// What a line of a list can mean, the likeliest first: names may have blanks; some lists give names with endings;
/// those of one class, such as car_train.txt, have a 1, 0 or -1 behind each name.
std::vector<std::string> meanings(const std::string& line) {
  std::vector<std::string> out = {line};
  const size_t blank = line.find_last_of(" \t");
  if (blank != std::string::npos) {
    const std::string flag = line.substr(blank + 1);
    if (flag == "1" || flag == "0" || flag == "-1") out.emplace_back(trim(line.substr(0, blank)));
  }
  for (size_t i = 0, whole = out.size(); i < whole; ++i) {
    if (is_image_name(out[i])) out.push_back(stem_path(out[i]));
  }
  return out;
}

/// Those of the images that a list names, in their own order.
std::vector<std::string> listed_images(const fs::path& list, const std::vector<std::string>& files,
                                       Problems* problems) {
  std::unordered_map<std::string, size_t> by_stem;
  for (size_t i = 0; i < files.size(); ++i) {
    by_stem.emplace(stem_path(files[i]), i);
    by_stem.emplace(fs::path(files[i]).stem().string(), i);  // without the folders within
  }
  std::set<size_t> wanted;
  for (const auto& line : read_lines(list)) {
    const auto names = meanings(line);
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return by_stem.contains(n); });
    if (known != names.end()) {
      wanted.insert(by_stem.at(*known));
    } else {
      report(problems, list.string(), fmt::format("{} has no image in JPEGImages/", in_quotes(line)));
    }
  }
  std::vector<std::string> out;
  for (const size_t i : wanted) out.push_back(files[i]);
  return out;
}

std::set<std::string> names_of(const std::vector<VocImage>& images) {
  std::set<std::string> names;
  for (const auto& image : images) names.insert(image.names.begin(), image.names.end());
  return names;
}

/// All annotation files of a set of which a list chose some: a part has the classes of the whole.
std::vector<VocImage> read_all(const fs::path& annotations) {
  std::vector<fs::path> files;
  for (const auto& name : list_files(annotations)) {
    if (name.ends_with(".xml")) files.push_back(annotations / name);
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
std::vector<std::string> class_names(const fs::path& folder, const Layout& layout, const std::vector<VocImage>& images,
                                     bool are_all) {
  const fs::path list = folder / "classes.txt";
  if (fs::exists(list)) return read_lines(list);
  const auto names = names_of(are_all ? images : read_all(layout.annotations));
  return {names.begin(), names.end()};
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

}  // namespace

bool is_voc(const fs::path& folder) { return !find_layout(folder).images.empty(); }

std::string voc_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  const fs::path xml = set.source / fs::path(image.file).replace_extension(".xml");
  return line_position(xml, static_cast<size_t>(object.line));
}

AnnotationSet read_voc(const fs::path& folder, const std::string& split, Problems* problems) {
  const Layout layout = find_layout(folder);
  if (layout.images.empty())
    throw Error("{}: no folders JPEGImages/ and Annotations/, and no .xml beside the images", folder.string());
  AnnotationSet set;
  set.format = "voc";
  set.source = layout.annotations;
  set.image_folder = layout.images;
  const auto all = list_images(layout.images, set.notes);
  const fs::path list = folder / "ImageSets" / "Main" / (split + ".txt");
  const auto files = split.empty() ? all : listed_images(list, all, problems);
  const auto xml_of = [&](size_t i) { return layout.annotations / fs::path(files[i]).replace_extension(".xml"); };
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
  report_annotations_without_image(layout.annotations, ".xml", all, layout.images, problems);
  int64_t id = 0;
  for (const auto& name : class_names(folder, layout, images, split.empty())) add_class(set, name, ++id);
  int turned = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    turned += images[i].turned;
    set.images.push_back(with_indices(images[i], xml_of(i), set.classes, problems));
    set.images.back().file = files[i];
    set.images.back().id = static_cast<int64_t>(i) + 1;
  }
  if (turned > 0)
    set.notes.push_back(
        {set.source.string(), fmt::format("{} boxes are turned: the upright boxes around them", turned)});
  return set;
}

}  // namespace skylift
