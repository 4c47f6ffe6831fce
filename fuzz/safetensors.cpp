// Safetensors files, and the card in the metadata of a model file.
#include "skylift/formats/safetensors.h"
#include "fuzz/fuzz.h"
#include "skylift/models/card_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("safetensors");
  return fuzz([&] {
    const SafetensorsFile file(memory.fill(text_of(data, size)));
    uint8_t sum = 0;
    for (const TensorView& tensor : file.tensors()) {
      for (const char byte : tensor.bytes) sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(byte));
    }
    const volatile uint8_t read = sum;  // every byte that a view promises is there
    static_cast<void>(read);
    const auto card = file.metadata().find(model_card_key);
    if (card != file.metadata().end()) card_from_text(card->second, "file");
  });
}
