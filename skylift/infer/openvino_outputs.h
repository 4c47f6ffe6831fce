// The outputs of a graph that skylift export wrote, and what must hold between them and the card in its metadata. Only
// for openvino_engine.cpp.
#pragma once

#include <map>
#include <openvino/core/model.hpp>
#include <string>

#include "skylift/models/model_card.h"

namespace skylift {

/// Which of the graph's outputs hold a level's maps.
struct LevelPorts {
  size_t cls = 0, box = 0;
};

/// By stride. Error: not a model with raw outputs.
std::map<int, LevelPorts> find_levels(const ov::Model& network, const std::string& name);

/// Reads of the maps go by what the card says, so a file in which the two differ would be read out of bounds. Free
/// extents are looked at once more after each run. Error: they differ.
void check_maps(const std::string& name, const ModelCard& card, int stride, const ov::PartialShape& cls,
                const ov::PartialShape& box);

/// All that the card and the graph must agree on when the file is opened. Error: they do not.
void check_network(const std::string& name, const ModelCard& card, const ov::Model& network,
                   const std::map<int, LevelPorts>& levels);

}  // namespace skylift
