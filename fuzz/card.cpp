// The card alone: JSON to options, and back.
#include "fuzz/fuzz.h"
#include "skylift/models/card_text.h"
#include "skylift/models/least_parameters.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  return fuzz([&] {
    const ModelCard card = card_from_text(std::string(text_of(data, size)), "card");
    least_parameters(card.options, static_cast<int>(card.classes.size()));
    const std::string text = card_text(card);
    if (card_text(card_from_text(text, "card")) != text) std::abort();
  });
}
