// What a model file says of itself besides its tensors.
#pragma once

#include <string>
#include <vector>

#include "skylift/image/preprocess.h"
#include "skylift/models/model_options.h"

namespace skylift {

/// Key in a model file's metadata; its value is the card as JSON.
inline constexpr const char* model_card_key = "skylift.model";

struct ModelCard {
  ModelOptions options;
  std::vector<std::string> classes;
  Preprocess preprocess;
  std::string recipe;  ///< the resolved config.toml of the run that made it; may be empty
  std::string scores;  ///< JSON object {"protocol": ..., "AP": ...} of its last evaluation; may be empty
};

}  // namespace skylift
