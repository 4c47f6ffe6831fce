// MGD (Yang et al. 2022, "Masked Generative Distillation"): cells of the student's pyramid are hidden at random, and a
// small generator must make the teacher's features of what is left.
//
//   G      = 3x3 conv, ReLU, 3x3 conv of M * A(student); A: a 1x1 convolution where channels differ, M: a random 0/1 map a level
//   kd_mgd = weight * mean over images, locations and channels of (G - T)^2 * 256 channels * 22,400 locations  (features.h)
//
// "authors": weight * sum of (G - T)^2 / images, which grows with width and resolution. At a region the mean is under the
// region's weights. The generators are trained and never part of the student's file.
#pragma once

#include "skylift/kd/method.h"

namespace skylift {

struct MgdOptions {
  double weight = 2e-5;
  double hidden_share = 0.65;  ///< of the cells, hidden from the generator
};

void bind(OptionSection section, MgdOptions& options);

MethodPtr make_mgd(const MethodContext& context);

}  // namespace skylift
