// DIST (Huang et al. 2022, "Knowledge Distillation from A Stronger Teacher"): class predictions need only correlate
// with the teacher's, between the classes of a location (inter) and between the locations of a class (intra).
//
//   kd_dist = inter_weight * (1 - mean over rows of Pearson) + intra_weight * (1 - mean over columns of Pearson)
// of the softmax over classes / T, rows = a region's locations, by default the positives; rows count by the region's
// weights. The authors' detection code was not found: which locations and weights they use is not known. With fewer
// than three classes the rows of two softmaxes always correlate by +-1, so inter is left out; with fewer than two rows
// so is intra.
#pragma once

#include <ATen/core/Tensor.h>

#include "skylift/config/option_table.h"

namespace skylift {

struct DistillStep;

struct DistOptions {
  double inter_weight = 1;
  double intra_weight = 1;
  double temperature = 1;
};

void bind(OptionSection section, DistOptions& options);

/// Rows [N,C] of probabilities and row weights [N] -> 1 - weighted mean over rows of their Pearson correlation.
at::Tensor dist_inter(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& weights);
/// 1 - mean over columns of the Pearson correlation under the row weights.
at::Tensor dist_intra(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& weights);

/// Terms kd_dist_inter and kd_dist_intra.
void add_dist_terms(DistillStep& step);

}  // namespace skylift
