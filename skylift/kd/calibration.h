// Weights from the first batches (kd.calibrate): each term starts at a stated fraction of the detection loss, whatever
// its scale. For methods on new data, whose published weights were tuned elsewhere.
//
//   factor of a term = fraction * (sum of detection losses) / (sum of the term), over the batches seen so far in which
//   the term was not 0, at most kd.calibrate_batches of them; then it stays.
// So the first batch has the stated ratio already, and a term that is tuned to 0.1 beside one of weight 1 starts as
// large as that one. A term without anything to distil is left as it is until it has something.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "skylift/losses/loss_terms.h"

namespace skylift {

/// Its one buffer, "sums", is part of the distiller's state: a resumed run goes on with the same factors.
class Calibration : public torch::nn::Module {
 public:
  /// `terms`: every name that apply() may meet.
  Calibration(std::vector<std::string> terms, double fraction, int batches);

  /// Multiplies the terms. detection_loss: scalar without gradient. Error: a term of another name.
  void apply(LossTerms& terms, const at::Tensor& detection_loss);

 private:
  size_t row_of(const std::string& term) const;

  std::vector<std::string> terms_;
  double fraction_;
  int batches_;
  at::Tensor sums_;  ///< [terms,3] double: batches counted, sum of the term, sum of the detection loss
};

}  // namespace skylift
