#include "skylift/data/sample_source.h"

#include <cmath>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/data/transforms.h"
#include "skylift/image/resize.h"

namespace skylift {
namespace {

Sample random_tile(Sample sample, const AugmentOptions& augment, Rng& rng) {
  const cv::Size tile(augment.tile_px, augment.tile_px);
  const cv::Rect window = rng.chance(augment.tile_at_object) ? random_window_at_object(sample, tile, rng)
                                                             : random_window(sample.rgb.size(), tile, rng);
  return crop(std::move(sample), window, augment.min_visibility);
}

Sample scale_and_crop(Sample sample, const AugmentOptions& augment, const Preprocess& preprocess, Rng& rng) {
  const cv::Size unscaled = keep_ratio_size(sample.rgb.size(), preprocess);
  const double factor = std::exp(rng.uniform(std::log(augment.scale_min), std::log(augment.scale_max)));
  sample = resize_keep_ratio(std::move(sample), preprocess, factor);
  const cv::Size size = augment.crop_px > 0 ? cv::Size(augment.crop_px, augment.crop_px) : unscaled;
  const cv::Rect window = random_window(sample.rgb.size(), size, rng);
  return crop(std::move(sample), window, augment.min_visibility);
}

}  // namespace

Sample training_sample(Sample sample, const AugmentOptions& augment, const Preprocess& preprocess, Rng rng) {
  if (augment.tile_px > 0) sample = random_tile(std::move(sample), augment, rng);
  sample = scale_and_crop(std::move(sample), augment, preprocess, rng);
  if (rng.chance(augment.flip)) sample = flip_left_right(std::move(sample));
  if (rng.chance(augment.photometric)) sample = change_colours(std::move(sample), augment, rng);
  return sample;
}

Sample evaluation_sample(Sample sample, const Preprocess& preprocess) {
  return resize_keep_ratio(std::move(sample), preprocess);
}

SampleSource training_source(const Dataset& dataset, const DataOptions& options, const Dataset* unlabelled) {
  const AugmentOptions augment = options.augment;
  if (augment.scale_min > augment.scale_max) {
    throw Error("data.augment.scale_min: got {}, expected at most data.augment.scale_max = {}", augment.scale_min,
                augment.scale_max);
  }
  const Preprocess preprocess = options.input;
  return [&dataset, unlabelled, augment, preprocess](int64_t index, Rng rng) {
    const int64_t beyond = index - dataset.size();
    Sample sample = beyond < 0 ? dataset.get(index) : unlabelled->get(beyond);
    if (beyond >= 0) sample.labelled = false, sample.image_index = index;
    return training_sample(std::move(sample), augment, preprocess, rng);
  };
}

SampleSource evaluation_source(const Dataset& dataset, const Preprocess& preprocess) {
  return [&dataset, preprocess](int64_t index, Rng) { return evaluation_sample(dataset.get(index), preprocess); };
}

}  // namespace skylift
