#include "skylift/infer/predictor.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "skylift/data/pipeline.h"

namespace skylift {
namespace {

Sample input_sample(const cv::Mat& rgb, const Preprocess& preprocess) {
  Sample sample;
  sample.rgb = rgb;
  sample.geometry.original_width = rgb.cols;
  sample.geometry.original_height = rgb.rows;
  return evaluation_sample(std::move(sample), preprocess);
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
  for (const cv::Mat& rgb : images_rgb) samples.push_back(input_sample(rgb, model_.card.preprocess));
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
