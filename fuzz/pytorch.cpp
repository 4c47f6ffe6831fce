// Files of torch.save: the zip archive, the pickle in it, the older format, and the tensors that they name.
#include "fuzz/fuzz.h"
#include "skylift/formats/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("pytorch");
  return fuzz([&] {
    const PytorchFile file(memory.fill(text_of(data, size)));
    read_metadata(file);
    for (const CheckpointTensor& tensor : read_state_dict(file).tensors) {
      // Views may repeat their storage up to a budget that is far above what is worth copying here.
      if (tensor.view.elements() < 4096) tensor.view.row_major();
    }
  });
}
