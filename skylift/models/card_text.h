// A model card as text, for the metadata of model files in every format.
#pragma once

#include <string>

#include "skylift/models/model_card.h"

namespace skylift {

/// JSON of one line.
std::string card_text(const ModelCard& card);

/// Error, beginning with `where`: not a card, one of a newer version, or options and sizes that no model has.
ModelCard card_from_text(const std::string& text, const std::string& where);

}  // namespace skylift
