#include "skylift/annotations/voc_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <pugixml.hpp>

#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/shapes.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

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
  XmlReader(const fs::path& path, int first_pixel, Problems& problems)
      : path_(path), first_pixel_(first_pixel), text_(read_file(path)), problems_(problems) {}

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
        const auto box = node.child("bndbox");
        out.turned += !box.child("xmin") || rotation(node) != 0;
        for (const char* side : {"xmin", "ymin"}) {
          if (box.child(side)) out.least_corner = std::min(out.least_corner, number(box, side));
        }
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

  /// The corners of a shape: <x1>, <y1>, <x2>, ... (DOTA's converters, Roboflow), <pt> with <x> and <y> (LabelMe), or
  /// <x_left_top>, <y_left_top>, ... (DIOR).
  std::vector<double> corners(pugi::xml_node shape) const {
    std::vector<double> points;
    const auto add = [&](pugi::xml_node parent, const std::string& x, const std::string& y) {
      if (!parent.child(x.c_str())) return false;
      points.push_back(number(parent, x.c_str()));
      points.push_back(number(parent, y.c_str()));
      return true;
    };
    for (int i = 1; add(shape, fmt::format("x{}", i), fmt::format("y{}", i)); ++i) continue;
    for (const auto point : shape.children("pt")) add(point, "x", "y");
    for (const std::string corner : {"_left_top", "_right_top", "_right_bottom", "_left_bottom"})
      add(shape, "x" + corner, "y" + corner);
    return points;
  }

  /// Degrees, in CVAT's files: the <bndbox> is that before it was turned.
  double rotation(pugi::xml_node node) const {
    for (const auto attribute : node.child("attributes").children("attribute")) {
      if (std::string_view(attribute.child_value("name")) == "rotation") return number(attribute, "value");
    }
    return 0;
  }

  /// <bndbox>, or the upright box around another shape: corners, or roLabelImg's <robndbox> with a centre and an angle.
  BoxXywh box(pugi::xml_node node) const {
    if (node.child("bndbox").child("xmin")) {
      const BoxXywh box = upright(node.child("bndbox"));
      const double degrees = rotation(node);
      return degrees == 0 ? box : box_around_turned(box, degrees * std::numbers::pi / 180);
    }
    for (const char* shape : {"bndbox", "robndbox", "polygon"}) {
      const auto points = corners(node.child(shape));
      if (points.size() >= 6) return box_around(points);
    }
    if (const auto turned = node.child("robndbox"); turned && !node.child("bndbox")) {
      const double w = number(turned, "w"), h = number(turned, "h");
      return box_around_turned({number(turned, "cx") - w / 2, number(turned, "cy") - h / 2, w, h},
                               number(turned, "angle"));
    }
    const auto box = node.child("bndbox");
    if (!box) throw Error("{}: <object> has no <bndbox>", position(node.offset_debug()));
    return upright(box);
  }

  BoxXywh upright(pugi::xml_node box) const {
    const double x1 = number(box, "xmin"), y1 = number(box, "ymin"), x2 = number(box, "xmax"), y2 = number(box, "ymax");
    return {x1 - first_pixel_, y1 - first_pixel_, x2 - x1 + first_pixel_, y2 - y1 + first_pixel_};
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
  int first_pixel_;
  std::string text_;
  std::vector<ptrdiff_t> line_ends_;
  Problems& problems_;
};

}  // namespace

VocImage read_voc_xml(const fs::path& path, int first_pixel, Problems& problems) {
  VocImage image;
  XmlReader(path, first_pixel, problems).read(image);
  return image;
}

}  // namespace skylift
