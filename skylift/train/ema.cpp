#include "skylift/train/ema.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace skylift {
namespace {

/// The same architecture without its pretrained file: the weights are copied, not read again.
ModelOptions without_weights(ModelOptions options) {
  options.backbone.weights.clear();
  return options;
}

template <class Blend>
void blend_all(const Detector& from, Detector& into, const Blend& blend) {
  const at::NoGradGuard no_grad;
  const auto source_parameters = from.parameters(), target_parameters = into.parameters();
  for (size_t i = 0; i < source_parameters.size(); ++i) {
    at::Tensor target = target_parameters[i];
    blend(source_parameters[i], target);
  }
  const auto source_buffers = from.buffers(), target_buffers = into.buffers();
  for (size_t i = 0; i < source_buffers.size(); ++i) {
    at::Tensor target = target_buffers[i];
    target.copy_(source_buffers[i]);
  }
}

}  // namespace

Ema::Ema(const Detector& detector, double decay)
    : decay_(decay), average_(std::make_shared<Detector>(without_weights(detector.options()), detector.class_count())) {
  average_->to(detector.parameters().front().device());
  average_->eval();
  for (auto& parameter : average_->parameters()) parameter.set_requires_grad(false);
  blend_all(detector, *average_, [](const at::Tensor& source, at::Tensor& target) { target.copy_(source); });
}

void Ema::update(const Detector& detector, int64_t step) {
  const double decay = std::min(decay_, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
  blend_all(detector, *average_, [decay](const at::Tensor& source, at::Tensor& target) { target.lerp_(source, 1 - decay); });
}

}  // namespace skylift
