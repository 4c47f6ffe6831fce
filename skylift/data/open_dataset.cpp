// Data sets from SPECs.
#include <fmt/ranges.h>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/data/dataset.h"

namespace skylift {
namespace {

Dataset open(const std::string& key, const std::string& spec, DatasetOptions options) {
  if (spec.empty())
    throw Error("{}: got nothing, expected a data set, e.g. {}=FOLDER with images/ and annotations/", key, key);
  Dataset dataset(open_data(spec), std::move(options));
  log_info("{} {}: {}", key, spec, summary(dataset.counts(), dataset.classes().size()));
  return dataset;
}

/// Without an object there is nothing to learn or to score: a number that is then formed means nothing.
Dataset check_objects(Dataset dataset, const std::string& key, const std::string& spec) {
  if (dataset.counts().objects > 0) return dataset;
  throw Error(
      "{} {}: none of its {} images has an object of the classes {} that counts, expected at least one "
      "(hint: is it the right folder?)",
      key, spec, dataset.annotations().images.size(), fmt::join(dataset.classes(), ", "));
}

/// A file's lines that are not empty.
std::vector<std::string> listed(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(read_file(file), '\n')) {
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
  }
  return lines;
}

AnnotationSet images_of(const std::string& spec) {
  const std::filesystem::path path = spec;
  const bool list = is_file(path) && path.extension() == ".txt";
  if (!list && !is_folder(path)) {
    AnnotationSet set = open_data(spec);
    for (ImageRecord& image : set.images) {
      image.objects.clear();
      image.ignored_regions.clear();
    }
    return set;
  }
  AnnotationSet set;
  set.image_folder = list ? path.parent_path() : path;
  for (const std::string& file : list ? listed(path) : list_images(path, set.notes)) {
    set.images.emplace_back().file = file;
    set.images.back().id = static_cast<int64_t>(set.images.size());
  }
  return set;
}

}  // namespace

Dataset open_unlabelled_set(const std::string& spec, const std::vector<std::string>& classes) {
  AnnotationSet set = images_of(spec);
  set.classes = classes;
  if (set.images.empty()) throw Error("data.unlabelled {}: no image there, expected at least one", spec);
  log_info("data.unlabelled {}: {} images", spec, set.images.size());
  return Dataset(std::move(set), {.classes = classes, .keep_empty = true});
}

Dataset open_training_set(const DataOptions& options) {
  const DatasetOptions how{options.classes, options.mask_ignored, options.keep_empty, options.min_box_px,
                           options.cache_mb};
  return check_objects(open("data.train", options.train, how), "data.train", options.train);
}

Dataset open_validation_set(const DataOptions& options, const std::vector<std::string>& classes) {
  return check_objects(open("data.val", options.val, {classes, true, true, options.min_box_px}), "data.val",
                       options.val);
}

}  // namespace skylift
