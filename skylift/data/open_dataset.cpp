// Data sets from SPECs.
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

}  // namespace

Dataset open_training_set(const DataOptions& options) {
  return open("data.train", options.train,
              {options.classes, options.mask_ignored, options.keep_empty, options.min_box_px});
}

Dataset open_validation_set(const DataOptions& options, const std::vector<std::string>& classes) {
  return open("data.val", options.val, {classes, true, true, options.min_box_px});
}

}  // namespace skylift
