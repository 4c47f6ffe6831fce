// Exponential moving average of the weights (Polyak and Juditsky 1992): smoother, usually better, what is evaluated and
// saved.
#pragma once

#include <cstdint>
#include <memory>

#include "skylift/models/detector.h"

namespace skylift {

class Ema {
 public:
  /// A copy of the detector that follows it. `decay` rises to its value as min(decay, (1 + step) / (10 + step)).
  Ema(const Detector& detector, double decay);

  /// After each optimizer step; `step` is 0-based.
  void update(const Detector& detector, int64_t step);

  const std::shared_ptr<Detector>& detector() const { return average_; }

 private:
  double decay_;
  std::shared_ptr<Detector> average_;
};

}  // namespace skylift
