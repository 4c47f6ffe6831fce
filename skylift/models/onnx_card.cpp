#include "skylift/models/onnx_card.h"

#include "skylift/core/error.h"
#include "skylift/formats/onnx_metadata.h"
#include "skylift/models/card_text.h"

namespace skylift {

ModelCard onnx_card(std::string_view bytes, const std::string& where) {
  const auto metadata = onnx_metadata(bytes, where);
  const auto card = metadata.find(model_card_key);
  if (card == metadata.end()) {
    throw Error("{}: an ONNX file without '{}' in its metadata, expected one that skylift export wrote", where,
                model_card_key);
  }
  return card_from_text(card->second, where);
}

}  // namespace skylift
