// Light-ML with dense 1x1 convolutions in memory that runs channels last: two matrix products and two copies. The
// general form (lifting.cpp) moves every channel to its place in the shuffle, and its gradient goes the same way back;
// here the weights' columns move instead.
#pragma once

#include "skylift/models/lifting.h"

namespace skylift {

/// As LightMl::forward without norm and activation. cls_weight, reg_weight: [K,K,1,1]. Under autocast the result is of
/// autocast's type, to which the predictors would bring it anyway.
TowerPair lift_channels_last(const TowerPair& towers, const at::Tensor& cls_weight, const at::Tensor& reg_weight);

}  // namespace skylift
