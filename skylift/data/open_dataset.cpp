// Data sets from SPECs.
#include <fmt/ranges.h>

#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
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

}  // namespace

Dataset open_training_set(const DataOptions& options) {
  const DatasetOptions how{options.classes, options.mask_ignored, options.keep_empty, options.min_box_px};
  return check_objects(open("data.train", options.train, how), "data.train", options.train);
}

Dataset open_validation_set(const DataOptions& options, const std::vector<std::string>& classes) {
  return check_objects(open("data.val", options.val, {classes, true, true, options.min_box_px}), "data.val",
                       options.val);
}

}  // namespace skylift
