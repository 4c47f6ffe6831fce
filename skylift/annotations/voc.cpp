#include "skylift/annotations/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/annotations/voc_xml.h"
#include "skylift/core/error.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

struct Layout {
  fs::path images, annotations;  // empty: none
};

bool has_xml(const fs::path& folder, bool within = true) {
  if (!is_folder(folder)) return false;
  const auto files = list_files(folder);
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    return file.ends_with(".xml") && (within || file.find('/') == std::string::npos);
  });
}

/// VOC's own folders, or others that have XML files: annotations/ beside images/, FiftyOne's labels/ beside data/, or
/// the images' own folder.
Layout find_layout(const fs::path& folder) {
  if (is_folder(folder / "JPEGImages") && is_folder(folder / "Annotations"))
    return {folder / "JPEGImages", folder / "Annotations"};
  for (const char* images : {"images", "data"}) {
    for (const char* annotations : {"annotations", "Annotations", "labels"}) {
      if (is_folder(folder / images) && has_xml(folder / annotations)) return {folder / images, folder / annotations};
    }
  }
  // Not those in folders within: Roboflow's train/, valid/ and test/ are no one set.
  return has_xml(folder, false) ? Layout{folder, folder} : Layout{};
}

/// What a line of a list can mean, the likeliest first: names may have blanks; some lists give names with endings;
/// those of one class, such as car_train.txt, have a 1, 0 or -1 behind each name.
std::vector<std::string> line_meanings(const std::string& line) {
  std::vector<std::string> out = {line};
  const size_t blank = line.find_last_of(" \t");
  if (blank != std::string::npos) {
    const std::string flag = line.substr(blank + 1);
    if (flag == "1" || flag == "0" || flag == "-1") out.emplace_back(trim(line.substr(0, blank)));
  }
  for (size_t i = 0, whole = out.size(); i < whole; ++i) {
    if (is_image_name(out[i]) || out[i].ends_with(".xml")) out.push_back(stem_path(out[i]));
  }
  for (size_t i = 0, whole = out.size(); i < whole; ++i) {  // with a folder before the name
    const size_t slash = out[i].find_last_of("/\\");
    if (slash != std::string::npos) out.push_back(out[i].substr(slash + 1));
  }
  return out;
}

/// Those of the images that a list names, in their own order.
std::vector<std::string> listed_images(const fs::path& list, const std::vector<std::string>& files,
                                       Problems* problems) {
  std::unordered_map<std::string, size_t> by_stem;
  std::set<std::string> ambiguous;
  for (size_t i = 0; i < files.size(); ++i) by_stem.emplace(stem_path(files[i]), i);
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string stem = fs::path(files[i]).stem().string();  // without the folders within
    if (stem == stem_path(files[i])) continue;
    if (!by_stem.emplace(stem, i).second) ambiguous.insert(stem);
  }
  for (const auto& file : files) ambiguous.erase(stem_path(file));  // the whole of a path is clear
  std::set<size_t> wanted;
  for (const auto& line : read_lines(list)) {
    const auto names = line_meanings(line);
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return by_stem.contains(n); });
    if (known != names.end() && ambiguous.contains(*known)) {
      report(problems, list.string(),
             fmt::format("{} may be more than one image, in several folders", in_quotes(line)));
    } else if (known != names.end()) {
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
    images[i] = read_voc_xml(files[i], of_others);
  });
  return images;
}

/// classes.txt, which we write. Without it nothing in the files tells an order: the names that occur, sorted, as VOC's
/// own twenty are.
std::vector<std::string> class_names(const fs::path& folder, const Layout& layout, const std::vector<VocImage>& images,
                                     bool are_all) {
  const fs::path list = folder / "classes.txt";
  if (is_there(list)) return read_lines(list);
  const auto names = names_of(are_all ? images : read_all(layout.annotations));
  return {names.begin(), names.end()};
}

/// Indices for names; objects of a name that classes.txt lacks are reported and dropped.
ImageRecord with_indices(VocImage& image, const fs::path& xml, const std::unordered_map<std::string, int>& class_of,
                         const std::vector<std::string>& classes, Problems* problems) {
  std::vector<Object> objects;
  for (size_t k = 0; k < image.names.size(); ++k) {
    Object& object = image.record.objects[k];
    const auto found = class_of.find(image.names[k]);
    if (found == class_of.end()) {
      report(problems, line_position(xml, static_cast<size_t>(object.line)),
             fmt::format("got class {}{}", in_quotes(image.names[k]), suggestion(image.names[k], classes)));
      continue;
    }
    object.class_index = found->second;
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
    if (is_there(xml)) {
      images[i] = read_voc_xml(xml, found[i]);
    } else {
      report(&found[i], xml.string(), fmt::format("missing, expected the annotations of {}", files[i]));
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  report_annotations_without_image(layout.annotations, ".xml", all, layout.images, problems);
  std::vector<NamedClass> names;
  for (const auto& name : class_names(folder, layout, images, split.empty()))
    names.push_back({name, static_cast<int64_t>(names.size()) + 1});
  set_classes(set, names);
  const auto class_of = class_of_name(set.classes);
  int turned = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    turned += images[i].turned;
    set.images.push_back(with_indices(images[i], xml_of(i), class_of, set.classes, problems));
    set.images.back().file = files[i];
    set.images.back().id = static_cast<int64_t>(i) + 1;
  }
  if (turned > 0)
    set.notes.push_back(
        {set.source.string(), fmt::format("{} boxes are turned: the upright boxes around them", turned)});
  return set;
}

}  // namespace skylift
