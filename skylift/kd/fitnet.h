// FitNet-style imitation (Romero et al. 2015; for detectors Chen et al. 2017): the student's pyramid features equal the
// teacher's.
//
//   kd_fitnet = weight * weighted mean over a region's locations of the mean over channels of (S - T)^2
// By default at the locations inside objects' boxes ("fitnet" in the LD repository, weight 2).
#pragma once

#include "skylift/kd/method.h"

namespace skylift {

struct FitnetOptions {
  double weight = 2;
};

void bind(OptionSection section, FitnetOptions& options);

MethodPtr make_fitnet(const MethodContext& context);

}  // namespace skylift
