#include "skylift/train/ema.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/models/fold.h"

namespace skylift {

Ema::Ema(const Detector& detector, double decay)
    : decay_(decay), average_(make_detector(plain_state(detector), detector.class_count(), "average of the weights")) {
  for (auto& parameter : average_->parameters()) parameter.set_requires_grad(false);
}

void Ema::update(const Detector& detector, int64_t step) {
  const at::NoGradGuard no_grad;
  const double decay = std::min(decay_, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
  const auto parameters = detector.parameters(), buffers = detector.buffers();
  auto averages = average_->parameters(), kept = average_->buffers();
  for (size_t i = 0; i < parameters.size(); ++i) averages[i].lerp_(parameters[i], 1 - decay);
  for (size_t i = 0; i < buffers.size(); ++i) kept[i].copy_(buffers[i]);  // running statistics are averages already
}

}  // namespace skylift
