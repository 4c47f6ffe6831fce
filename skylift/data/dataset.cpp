#include "skylift/data/dataset.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/data/geometry.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

BoxXyxy to_xyxy(const BoxXywh& box) {
  return {static_cast<float>(box.x), static_cast<float>(box.y), static_cast<float>(box.x + box.w),
          static_cast<float>(box.y + box.h)};
}

}  // namespace

std::string summary(const DatasetCounts& counts, size_t class_count) {
  std::string text = fmt::format("{} images, {} objects of {} classes", counts.images, counts.objects, class_count);
  const auto add = [&text](int64_t count, const char* what) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  };
  add(counts.images_empty, "images without objects");
  add(counts.objects_degenerate, "degenerate boxes dropped");
  add(counts.objects_ignored, "ignored objects");
  add(counts.objects_crowd, "crowds");
  add(counts.objects_other, "objects of other classes");
  add(counts.regions, "ignored regions");
  return text;
}

Dataset::Dataset(AnnotationSet annotations, DatasetOptions options)
    : annotations_(std::move(annotations)),
      options_(std::move(options)),
      cache_(std::make_shared<ImageCache>(int64_t{options_.cache_mb} << 20)) {
  choose_classes();
  keep_images();
}

void Dataset::choose_classes() {
  if (options_.classes.empty()) options_.classes = annotations_.classes;
  label_of_class_.assign(annotations_.classes.size(), -1);
  for (size_t label = 0; label < options_.classes.size(); ++label) {
    const auto& name = options_.classes[label];
    const auto found = std::ranges::find(annotations_.classes, name);
    if (found == annotations_.classes.end()) {
      throw Error("{}: no class '{}' in this data set{}", annotations_.image_folder.string(), name,
                  suggestion(name, annotations_.classes));
    }
    int& slot = label_of_class_[static_cast<size_t>(found - annotations_.classes.begin())];
    if (slot >= 0) throw Error("data.classes: '{}' is named twice", name);
    slot = static_cast<int>(label);
  }
}

void Dataset::keep_images() {
  for (size_t i = 0; i < annotations_.images.size(); ++i) {
    const bool empty = count(annotations_.images[i]) == 0;
    counts_.images_empty += empty;
    if (!empty || options_.keep_empty) kept_.push_back(i);
  }
  counts_.images = size();
  const std::string where = annotations_.image_folder.string();
  if (annotations_.images.empty()) throw Error("{}: the data set has no images, expected at least one", where);
  if (kept_.empty()) {
    throw Error(
        "{}: none of {} images has an object of the classes {}; expected at least one (is it the right folder?)", where,
        annotations_.images.size(), fmt::join(options_.classes, ", "));
  }
}

Dataset::Fate Dataset::fate(const Object& object) const {
  const Fate masked = options_.mask_ignored ? Fate::ignored : Fate::dropped;
  const double shorter = std::min(object.box.w, object.box.h);
  if (!(shorter > 0 && shorter >= options_.min_box_px)) return Fate::dropped;
  if (object.ignored || object.class_index < 0) return masked;
  if (label_of_class_.at(static_cast<size_t>(object.class_index)) < 0) return masked;
  if (object.crowd && options_.mask_ignored) return Fate::ignored;
  return Fate::found;
}

int64_t Dataset::count(const ImageRecord& record) {
  int64_t found = 0;
  for (const auto& object : record.objects) {
    const double shorter = std::min(object.box.w, object.box.h);
    if (!(shorter > 0 && shorter >= options_.min_box_px)) {
      ++counts_.objects_degenerate;
    } else if (object.ignored) {
      ++counts_.objects_ignored;
    } else if (object.class_index < 0 || label_of_class_.at(static_cast<size_t>(object.class_index)) < 0) {
      ++counts_.objects_other;
    } else {
      counts_.objects_crowd += object.crowd;
      found += fate(object) == Fate::found;
    }
  }
  counts_.regions += static_cast<int64_t>(record.ignored_regions.size());
  counts_.objects += found;
  return found;
}

Sample Dataset::get(int64_t index) const {
  const auto& record = this->record(index);
  const auto path = annotations_.image_path(record);
  Sample sample;
  sample.rgb = cache_->get(index, [&] { return decode_rgb(path, annotations_.reading); });
  sample.image_index = index;
  const int width = sample.rgb.cols, height = sample.rgb.rows;
  if (record.width > 0 && (record.width != width || record.height != height)) {
    throw Error(
        "{}: the image has {}x{} px, but its annotations say {}x{}; they belong to another version of this image{}",
        path.string(), width, height, record.width, record.height,
        record.width == height && record.height == width
            ? " (hint: if EXIF turns it, orientation=stored before the data set leaves it as stored)"
            : "");
  }
  sample.geometry.original_width = sample.geometry.content_width = width;
  sample.geometry.original_height = sample.geometry.content_height = height;
  add_boxes(record, sample);
  return sample;
}

void Dataset::add_boxes(const ImageRecord& record, Sample& sample) const {
  const auto inside = [&](const BoxXywh& box) {
    return clip(to_xyxy(box), static_cast<float>(sample.rgb.cols), static_cast<float>(sample.rgb.rows));
  };
  for (const auto& object : record.objects) {
    const Fate what = fate(object);
    const BoxXyxy box = inside(object.box);
    if (what == Fate::dropped || !has_area(box)) continue;
    if (what == Fate::ignored) {
      sample.ignored.push_back(box);
    } else {
      sample.boxes.push_back({box, label_of_class_[static_cast<size_t>(object.class_index)]});
    }
  }
  if (!options_.mask_ignored) return;
  for (const auto& region : record.ignored_regions) {
    const BoxXyxy box = inside(region);
    if (has_area(box)) sample.ignored.push_back(box);
  }
}

}  // namespace skylift
