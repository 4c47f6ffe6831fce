// GFL detectors of mmdetection (2.x and 3.x, and forks of it that keep its names: LD, CrossKD, CEASC's baselines) as
// detectors of ours. Everything that shapes tell is read off them; the rest comes from the config in the checkpoint.
#pragma once

#include <string>
#include <vector>

#include "skylift/models/foreign_file.h"
#include "skylift/models/model_file.h"

namespace skylift {

struct ImportedModel {
  Model model;
  ImportReport report;
};

/// What stands before the names of the GFL detectors among these tensors: "", "architecture.", ...
std::vector<std::string> detector_prefixes(const std::vector<NamedTensor>& tensors);

/// `file`: entered (enter_network). `classes`: their names; empty: those in the checkpoint, or numbered ones where it
/// has none. Error: no GFL detector, tensors that are missing or that would change its outputs and have no place here
/// (names the first), a number of classes that is not the network's.
ImportedModel import_mmdet(const ForeignFile& file, const std::vector<std::string>& classes = {});

}  // namespace skylift
