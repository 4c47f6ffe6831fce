// A backbone's pretrained weights: safetensors with torchvision's names, whole or in part.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/models/resnet.h"

namespace skylift {

struct BackboneReport {
  std::vector<std::string> matched;
  std::vector<std::string>
      absent;                ///< of the network's tensors; they keep their random start, which is said as a warning
  bool norm_folded = false;  ///< the file's batch norms do nothing: they were folded into the convolutions
};

/// The classifier "fc" and step counters are passed over in silence.
/// Error: the file holds another architecture: a tensor that the network lacks or has in another shape (names the
/// first), or too few of the network's tensors.
BackboneReport load_backbone_weights(ResNet& network, const std::filesystem::path& path);

/// "layer4.0.conv1.weight", "layer4.0.bn1.bias", "bn1.weight" -> "bn1, layer4.0 (bn1, conv1)": for messages.
std::string layer_summary(const std::vector<std::string>& names);

}  // namespace skylift
