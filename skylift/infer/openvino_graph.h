// An OpenVINO graph that takes bytes: the network with its preprocessing before it. Only for openvino_engine.cpp.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>

#include "skylift/image/preprocess.h"

namespace skylift {

/// Puts bytes -> float, normalising, interleaved -> planes, padding with 0 on the right and below before the network.
/// The new input is [B,H,W,3] of any H and W up to the network's own size, which the image is padded to; where that is
/// free, to multiples of preprocess.pad_multiple.
void take_bytes(const std::shared_ptr<ov::Model>& network, const Preprocess& preprocess);

}  // namespace skylift
