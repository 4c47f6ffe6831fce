// Logit distillation of the class scores (after Hinton et al. 2015) at a region's locations, by default the positives.
//
//   "bernoulli":      l = T^2 * sum over classes of the KL between the two sigmoids
//   "softmax":        l = T^2 * KL between the softmaxes over the classes
//   ours ("region"):  weight * sum(w l) / sum(w)
//   "authors":        weight * sum over levels of sum(w l / C) / N over the level's N locations
//
// Sigmoids keep the absolute score that such a head was trained for; the softmax is the form of the LD repository, published
// with the authors' normalisation, T 2 and weight 10 (tuned with C = 80; the 1/C makes it 8 times as strong with 10 classes).
#pragma once

#include <string>

#include "skylift/config/option_table.h"

namespace skylift {

struct DistillStep;

struct LogitKdOptions {
  std::string form = "bernoulli";  ///< or "softmax"
  double weight = 1;
  double temperature = 1;
};

void bind(OptionSection section, LogitKdOptions& options);

/// Term kd_logit.
void add_logit_kd_terms(DistillStep& step);

}  // namespace skylift
