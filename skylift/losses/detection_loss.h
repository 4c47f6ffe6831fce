// The loss of a GFL detector against its ground truth (Li et al. 2020): quality focal + GIoU + distribution focal.
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/config/option_table.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/dense_output.h"

namespace skylift {

struct DetectionLossOptions {
  double cls_weight = 1.0;   ///< quality focal loss
  double cls_beta = 2.0;     ///< its exponent
  double box_weight = 2.0;   ///< GIoU loss
  double bins_weight = 0.25; ///< distribution focal loss
};

void bind(OptionSection section, DetectionLossOptions& options);

/// Terms loss_cls, loss_box, loss_bins; each stays in the graph (as 0) where there are no positives.
LossTerms detection_loss(const DenseOutput& student, const PointGrid& grid, const Assignment& assignment,
                         const DetectionLossOptions& options);

}  // namespace skylift
