#include "skylift/infer/predictor.h"

#include <ATen/core/grad_mode.h>

#include "skylift/image/resize.h"

namespace skylift {
namespace {

Sample resized_sample(const cv::Mat& rgb, const Preprocess& preprocess) {
  Sample sample;
  const cv::Size size = keep_ratio_size(rgb.size(), preprocess);
  sample.rgb = resize_rgb(rgb, size);
  sample.geometry = {.original_width = rgb.cols,
                     .original_height = rgb.rows,
                     .content_width = size.width,
                     .content_height = size.height,
                     .scale_x = static_cast<double>(size.width) / rgb.cols,
                     .scale_y = static_cast<double>(size.height) / rgb.rows};
  return sample;
}

}  // namespace

Predictor::Predictor(Model model, const DecodeOptions& decode, const ComputeDevice& compute)
    : model_(std::move(model)), decode_(decode), compute_(compute) {
  place(*model_.detector, compute_);
}

DetectionSet Predictor::predict(const std::vector<cv::Mat>& images_rgb) const {
  if (images_rgb.empty()) return {};
  std::vector<Sample> samples;
  samples.reserve(images_rgb.size());
  for (const cv::Mat& rgb : images_rgb) samples.push_back(resized_sample(rgb, model_.card.preprocess));
  return predict(collate(samples, model_.card.preprocess));
}

DetectionSet Predictor::predict(const Batch& batch) const {
  const at::NoGradGuard no_grad;
  const bool was_training = model_.detector->is_training();
  model_.detector->eval();
  DenseOutput output;
  {
    const AutocastScope autocast(compute_);
    output = model_.detector->forward(batch.images.to(compute_.device).contiguous(compute_.memory_format));
  }
  if (was_training) model_.detector->train();
  return decode(output, batch.geometries, decode_);
}

}  // namespace skylift
