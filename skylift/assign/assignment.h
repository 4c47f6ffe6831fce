// Which prediction answers for which object: the result of an assigner, for a whole batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace skylift {

/// Shapes: B images, A points, G objects and P positives over the batch (image by image; positives by rising point).
struct Assignment {
  at::Tensor image;       ///< [P] int64, index into the batch
  at::Tensor point;       ///< [P] int64, index into the PointGrid
  at::Tensor object;      ///< [P] int64, index into the image's Targets
  at::Tensor labels;      ///< [P] int64, class of the object
  at::Tensor boxes_xyxy;  ///< [P,4] float, px, box of the object
  at::Tensor weights;     ///< [B,A] float: 1 where the classification loss counts, 0 on padding and in ignored regions
  at::Tensor thresholds;  ///< [G] float: least IoU at which an object's candidates are positives
  std::vector<int64_t> positives_per_image;  ///< B, on all levels
  std::vector<int64_t> positives_per_level;  ///< L, of all images; empty: not counted
  std::vector<bool> labelled;                ///< B; false: nobody says what is on the image. Empty: all are labelled

  int64_t count() const { return point.size(0); }
};

/// N_pos by which the losses of GFL, BCKD and CrossKD are divided: the sum over labelled images of max(positives, 1),
/// those of the other processes (skylift/dist/processes.h) included.
double positive_count(const Assignment& assignment);

/// The same for losses over all images: as many a labelled image for those without labels.
double distilled_count(const Assignment& assignment);

}  // namespace skylift
