// The loss of a GFL detector against its ground truth (Li et al. 2020): quality focal + GIoU + distribution focal. All
// levels are computed at once; boxes are decoded at the positives only, in stride units.
//
// Shapes: P positives. w_i is the largest class probability at positive i, q_i the IoU of its decoded box with its
// object, both without gradient. N_pos = sum over images of max(positives, 1); W = max(sum of w_i over the batch, 1), both over the
// batches of all processes: what they compute adds up to the loss of one batch (skylift/dist/processes.h).
//   loss_cls  = weight * sum over all counted points and classes of QFL(target q_i at the object's class, else 0) /
//   N_pos loss_box  = weight * sum over positives of w_i (1 - GIoU) / W loss_bins = weight * sum over positives of w_i
//   (DFL averaged over the four sides) / W
#pragma once

#include "skylift/assign/assignment.h"
#include "skylift/config/option_table.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/dense_output.h"

namespace skylift {

struct DetectionLossOptions {
  double cls_weight = 1.0;    ///< quality focal loss
  double cls_beta = 2.0;      ///< its exponent
  double box_weight = 2.0;    ///< GIoU loss
  double bins_weight = 0.25;  ///< distribution focal loss
};

void bind(OptionSection section, DetectionLossOptions& options);

/// Terms loss_cls, loss_box, loss_bins; each stays in the graph (as 0) where there are no positives. In float under
/// autocast.
LossTerms detection_loss(const DenseOutput& student, const PointGrid& grid, const Assignment& assignment,
                         const DetectionLossOptions& options);

}  // namespace skylift
