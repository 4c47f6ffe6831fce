#include "skylift/annotations/data_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "skylift/annotations/data_format.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/uavdt.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// Counts by what was lost, in the order of first use.
class Losses {
 public:
  void add(const char* what, int64_t count = 1) {
    if (count == 0) return;
    const auto [entry, is_new] = index_.emplace(what, counts_.size());
    if (is_new) counts_.emplace_back(what, 0);
    counts_[entry->second].second += count;
  }
  std::vector<std::pair<std::string, int64_t>> take() { return std::move(counts_); }

 private:
  std::map<std::string, size_t> index_;
  std::vector<std::pair<std::string, int64_t>> counts_;
};

int held_level(int level, int highest, const char* what, Losses& losses) {
  const int held = std::clamp(level, 0, highest);
  if (held != level) losses.add(what);
  return held;
}

/// Makes an object what the target can hold; false: it holds nothing of it.
bool fit_object(Object& object, const DataFormat& target, const std::vector<bool>& known_class, Losses& losses) {
  const bool other = object.class_index < 0;
  if (other && !target.no_class) return losses.add("objects of no class (left out)"), false;
  if (!other && !known_class[static_cast<size_t>(object.class_index)]) {
    if (!target.no_class) return losses.add("objects of classes that the format does not have (left out)"), false;
    losses.add("classes that the format does not have (the object is written as 'others')");
  }
  if (object.crowd && target.crowd == Flag::object_left_out) return losses.add("crowds (left out)"), false;
  if (object.ignored && target.ignored == Flag::object_left_out) return losses.add("ignored objects (left out)"), false;
  if (object.difficult && !target.difficult) losses.add("difficult flags"), object.difficult = false;
  if (object.crowd && target.crowd == Flag::becomes_ignored) {
    losses.add("crowd flags (written as ignored)");
    object.crowd = false;
    object.ignored = true;
  }
  if (object.ignored && target.ignored == Flag::becomes_difficult) {
    losses.add("ignored flags (written as difficult)");
    object.ignored = false;
    object.difficult = true;
  }
  object.truncation = held_level(object.truncation, target.highest_truncation, "truncation levels (lowered)", losses);
  object.occlusion = held_level(object.occlusion, target.highest_occlusion, "occlusion levels (lowered)", losses);
  const bool own_area = object.area >= 0 && std::abs(object.area - object.box.w * object.box.h) > 1e-6;
  if (own_area && !target.own_areas) losses.add("areas other than width x height");
  return true;
}

/// For formats whose boxes end at the image's border.
void clip_objects(ImageRecord& image, Losses& losses) {
  std::erase_if(image.objects, [&](const Object& object) {
    const BoxXywh& b = object.box;
    if (b.x < 0 || b.y < 0 || b.x + b.w > image.width || b.y + b.h > image.height)
      losses.add("parts of boxes outside the image (clipped)");
    const bool inside = b.w > 0 && b.h > 0 && b.x < image.width && b.y < image.height && b.x + b.w > 0 && b.y + b.h > 0;
    if (!inside) losses.add("boxes without an area in the image (left out)");
    return !inside;
  });
}

void fit_set(AnnotationSet& set, const DataFormat& target, Losses& losses) {
  std::vector<bool> known_class;
  for (const auto& name : set.classes) {
    known_class.push_back(!target.classes ||
                          std::find(target.classes->begin(), target.classes->end(), name) != target.classes->end());
  }
  for (auto& image : set.images) {
    std::erase_if(image.objects, [&](Object& object) { return !fit_object(object, target, known_class, losses); });
    if (!target.boxes_outside) clip_objects(image, losses);
    if (target.regions) continue;
    losses.add("ignored regions", static_cast<int64_t>(image.ignored_regions.size()));
    image.ignored_regions.clear();
  }
}

/// The path as it may stand below the new folder.
fs::path safe_path(const std::string& file) {
  const fs::path path = fs::path(file).lexically_normal();
  return stays_inside(path) ? path : path.filename();
}

std::vector<std::string> flat_names(const AnnotationSet& set) {
  std::unordered_map<std::string, int> stems;
  for (const auto& image : set.images) ++stems[fs::path(image.file).stem().string()];
  const bool unique = std::all_of(stems.begin(), stems.end(), [](const auto& entry) { return entry.second == 1; });
  std::vector<std::string> names;
  for (const auto& image : set.images) {
    std::string name = (unique ? fs::path(image.file).filename() : safe_path(image.file)).string();
    std::replace(name.begin(), name.end(), '/', '_');
    names.push_back(std::move(name));
  }
  return names;
}

/// SEQ/imgNNNNNN.EXT: kept where all images are named so, else numbered within their folders.
std::vector<std::string> frame_names(const AnnotationSet& set) {
  std::vector<std::string> names;
  for (const auto& image : set.images) names.push_back(image.file);
  if (std::all_of(names.begin(), names.end(), [](const std::string& name) { return uavdt_frame(name).frame > 0; }))
    return names;
  std::map<std::string, int> frames;
  for (auto& name : names) {
    const fs::path path = safe_path(name);
    std::string sequence = path.has_parent_path() ? path.parent_path().string() : "S0001";
    std::replace(sequence.begin(), sequence.end(), '/', '_');
    name = fmt::format("{}/img{:06}{}", sequence, ++frames[sequence], path.extension().string());
  }
  return names;
}

std::vector<std::string> new_names(const AnnotationSet& set, const DataFormat& target) {
  std::vector<std::string> names;
  if (target.image_names == ImageNames::flat) names = flat_names(set);
  if (target.image_names == ImageNames::sequence_frames) names = frame_names(set);
  if (target.image_names == ImageNames::nested) {
    // A YOLO set's names begin with images/, which is the target's own folder.
    const std::string own = std::string(target.image_folder) + "/";
    const bool all_own = std::all_of(set.images.begin(), set.images.end(), [&](const ImageRecord& image) {
      return safe_path(image.file).string().starts_with(own);
    });
    for (const auto& image : set.images)
      names.push_back(safe_path(image.file).string().substr(all_own ? own.size() : 0));
  }
  // Where each image has a text file of its own, a.jpg and a.png would share it.
  std::unordered_map<std::string, size_t> stems;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string key = target.file_per_image ? fs::path(names[i]).replace_extension().string() : names[i];
    const auto [entry, is_new] = stems.emplace(key, i);
    if (!is_new) {
      throw Error("{} and {} would share one name in {} format", set.images[entry->second].file, set.images[i].file,
                  target.name);
    }
  }
  return names;
}

void place_images(const fs::path& folder, const AnnotationSet& set, const std::vector<std::string>& names,
                  ImagePlacement placement) {
  for (const auto& name : names) make_folder((folder / name).parent_path());
  parallel_for(names.size(), 0, [&](size_t i) {
    const fs::path from = fs::absolute(set.image_path(set.images[i])), to = folder / names[i];
    // Annotations of others must not choose which files of this machine end up in the copy.
    if (placement == ImagePlacement::copy && !stays_inside(set.images[i].file))
      throw Error("{}: lies outside of {}, so it is not copied (hint: --images link)", in_quotes(set.images[i].file),
                  set.image_folder.string());
    if (!is_file(from)) throw Error("{}: no such image", from.string());
    std::error_code code;
    if (placement == ImagePlacement::link) {
      fs::create_symlink(fs::canonical(from), to, code);
    } else {
      fs::copy_file(from, to, code);
    }
    if (code) throw Error("{}: cannot write: {}", to.string(), code.message());
  });
}

}  // namespace

WriteReport write_data(std::string_view format, const fs::path& folder, AnnotationSet set, ImagePlacement placement) {
  const DataFormat& target = data_format(format);
  if (is_there(folder) && !(is_folder(folder) && fs::is_empty(folder))) {
    throw Error("{}: exists and is not an empty folder", folder.string());
  }
  if (target.holds_sizes) fill_image_sizes(set);
  Losses losses;
  fit_set(set, target, losses);
  const auto names = new_names(set, target);
  if (placement != ImagePlacement::none) place_images(folder / target.image_folder, set, names, placement);
  int64_t renamed = 0;
  WriteReport report{folder, static_cast<int64_t>(set.images.size()), 0, 0, {}};
  for (size_t i = 0; i < names.size(); ++i) {
    ImageRecord& image = set.images[i];
    renamed += image.file != names[i];
    image.file = names[i];
    report.objects += static_cast<int64_t>(image.objects.size());
    report.ignored_regions += static_cast<int64_t>(image.ignored_regions.size());
  }
  set.image_folder = folder / target.image_folder;
  target.write(folder, set);
  losses.add("file names (images are renamed)", renamed);
  // The frame of boxes is a matter of the SPEC.
  if (set.reading.orientation == ImageReading::Orientation::stored)
    losses.add("orientation=stored (open the result with it too), images", report.images);
  report.lost = losses.take();
  return report;
}

}  // namespace skylift
