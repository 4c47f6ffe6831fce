#include "skylift/annotations/voc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

bool has_xml(const fs::path& folder) {
  return std::ranges::any_of(list_files(folder), [](const std::string& file) { return file.ends_with(".xml"); });
}

/// Whether XML files lie beside images of their names. Not those in folders within: Roboflow's train/, valid/ and test/
/// are no one set.
bool has_xml_beside_images(const fs::path& folder) {
  if (!is_folder(folder)) return false;
  std::set<std::string> images, annotations;
  for (const auto& file : list_files(folder)) {
    if (file.find('/') != std::string::npos) continue;
    if (is_image_name(file)) images.insert(stem_path(file));
    if (file.ends_with(".xml")) annotations.insert(stem_path(file));
  }
  return std::ranges::any_of(annotations, [&](const std::string& stem) { return images.contains(stem); });
}

/// VOC's own folders, or others that have XML files: annotations/ beside images/, FiftyOne's labels/ beside data/, both
/// in any case, or the images' own folder.
Layout find_layout(const fs::path& folder) {
  if (is_folder(folder / "JPEGImages") && is_folder(folder / "Annotations"))
    return {folder / "JPEGImages", folder / "Annotations"};
  const auto images = first_folder(folder, {"jpegimages", "images", "image", "imgs", "data"});
  const std::set<std::string> names = {"annotations", "annotation", "labels", "xmls", "xml"};
  for (const fs::path& entry : images ? sorted_entries(folder) : std::vector<fs::path>{}) {
    if (names.contains(lower_name(entry)) && is_folder(entry) && has_xml(entry)) return {*images, entry};
  }
  return has_xml_beside_images(folder) ? Layout{folder, folder} : Layout{};
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

/// The files of a part, or of the whole set.
std::vector<VocImage> read_files(const std::vector<fs::path>& files, int first_pixel, Problems* problems) {
  std::vector<VocImage> images(files.size());
  std::vector<Problems> found(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    if (is_there(files[i])) images[i] = read_voc_xml(files[i], first_pixel, found[i]);
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  return images;
}

/// All annotation files of a set of which a list chose some: a part has the classes and the corners of the whole.
std::vector<VocImage> read_all(const fs::path& annotations) {
  std::vector<fs::path> files;
  for (const auto& name : list_files(annotations)) {
    if (name.ends_with(".xml")) files.push_back(annotations / name);
  }
  Problems of_others;  // those of the files in the list are reported
  return read_files(files, 1, &of_others);
}

double least_corner(const std::vector<VocImage>& images) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& image : images) least = std::min(least, image.least_corner);
  return least;
}

/// classes.txt, which we write. Without it nothing in the files tells an order: the names that occur, sorted, as VOC's
/// own twenty are.
std::vector<std::string> class_names(const fs::path& list, const std::vector<VocImage>& images) {
  if (is_there(list)) return read_lines(list);
  std::set<std::string> names;
  for (const auto& image : images) names.insert(image.names.begin(), image.names.end());
  return {names.begin(), names.end()};
}

/// Indices for names; objects of a name that classes.txt lacks are reported and dropped.
ImageRecord with_indices(VocImage& image, const fs::path& xml, const std::unordered_map<std::string, int>& class_of,
                         const AnnotationSet& set, const fs::path& list, Problems* problems) {
  std::vector<Object> objects;
  for (size_t k = 0; k < image.names.size(); ++k) {
    Object& object = image.record.objects[k];
    const auto found = class_of.find(image.names[k]);
    if (found == class_of.end()) {
      report(problems, line_position(xml, static_cast<size_t>(object.line)),
             fmt::format("got class {}, which is not in {}{}", in_quotes(image.names[k]), list.string(),
                         suggestion(image.names[k], set.classes)));
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
  const auto files =
      split.empty() ? all : listed_images(folder / "ImageSets" / "Main" / (split + ".txt"), all, problems);
  std::vector<fs::path> xml;
  for (const auto& file : files) {
    xml.push_back(layout.annotations / fs::path(file).replace_extension(".xml"));
    if (!is_there(xml.back()))
      report(problems, xml.back().string(), fmt::format("missing, expected the annotations of {}", file));
  }
  Problems found;
  std::vector<VocImage> images = read_files(xml, 1, &found);
  const std::vector<VocImage> others = split.empty() ? std::vector<VocImage>{} : read_all(layout.annotations);
  const std::vector<VocImage>& whole = split.empty() ? images : others;
  // Where some corner is 0, and none lies before it, nobody has counted from 1.
  const double least = least_corner(whole);
  if (least >= 0 && least < 1) {
    found.clear();
    images = read_files(xml, 0, &found);
    set.notes.push_back(
        {set.source.string(),
         "corners of 0: pixels are counted from 0 here, and a box ends before its xmax (VOC counts from 1)"});
  } else if (least > 1 && std::isfinite(least)) {  // a train/ that has a corner of 0 is read otherwise than its val/
    set.notes.push_back(
        {set.source.string(), "no corner of 0 or 1 tells how pixels are counted: taken from 1, as VOC's"});
  }
  for (auto& problem : found) report(problems, std::move(problem.where), std::move(problem.what));
  report_annotations_without_image(layout.annotations, ".xml", all, layout.images, problems);
  const fs::path class_list = folder / "classes.txt";
  std::vector<NamedClass> names;
  for (const auto& name : class_names(class_list, whole))
    names.push_back({name, static_cast<int64_t>(names.size()) + 1});
  set_classes(set, names);
  const auto class_of = class_of_name(set.classes);
  int turned = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    turned += images[i].turned;
    set.images.push_back(with_indices(images[i], xml[i], class_of, set, class_list, problems));
    set.images.back().file = files[i];
    set.images.back().id = static_cast<int64_t>(i) + 1;
  }
  if (turned > 0)
    set.notes.push_back(
        {set.source.string(), fmt::format("{} boxes are turned: the upright boxes around them", turned)});
  return set;
}

}  // namespace skylift
