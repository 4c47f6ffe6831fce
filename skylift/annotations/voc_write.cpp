// The writing half of voc.h.
#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "skylift/annotations/voc.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// `clip`: the box within its image. A corner below 1 would make the whole set one that counts pixels from 0.
void write_object(pugi::xml_node root, const Object& object, const BoxXywh& clip, const std::string& name) {
  auto node = root.append_child("object");
  const auto add = [](pugi::xml_node parent, const char* key, const std::string& value) {
    parent.append_child(key).text().set(value.c_str());
  };
  add(node, "name", name);
  add(node, "truncated", std::to_string(object.truncation));
  add(node, "occluded", std::to_string(object.occlusion));
  add(node, "difficult", object.difficult ? "1" : "0");
  auto box = node.append_child("bndbox");
  add(box, "xmin", fmt::format("{}", clip.x + 1));
  add(box, "ymin", fmt::format("{}", clip.y + 1));
  add(box, "xmax", fmt::format("{}", clip.x + clip.w));
  add(box, "ymax", fmt::format("{}", clip.y + clip.h));
}

}  // namespace

void write_voc(const fs::path& folder, const AnnotationSet& set) {
  std::string names;
  for (const auto& name : set.classes) names += name + "\n";
  write_file(folder / "classes.txt", names);
  parallel_for(set.images.size(), 0, [&](size_t i) {
    const ImageRecord& image = set.images[i];
    if (image.width <= 0 || image.height <= 0)
      throw Error("{}: the size of {} is not known, but boxes end at its border", folder.string(), image.file);
    pugi::xml_document document;
    auto root = document.append_child("annotation");
    root.append_child("filename").text().set(image.file.c_str());
    auto size = root.append_child("size");
    size.append_child("width").text().set(image.width);
    size.append_child("height").text().set(image.height);
    size.append_child("depth").text().set(3);
    for (const auto& object : image.objects) {
      const BoxXywh clip = clipped(object.box, image);
      if (object.class_index < 0 || clip.w <= 0 || clip.h <= 0) continue;
      write_object(root, object, clip, set.classes.at(static_cast<size_t>(object.class_index)));
    }
    std::ostringstream text;
    document.save(text, "  ", pugi::format_default | pugi::format_no_declaration);
    write_file(folder / "Annotations" / fs::path(image.file).replace_extension(".xml"), text.str());
  });
}

}  // namespace skylift
