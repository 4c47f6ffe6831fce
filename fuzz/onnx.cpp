// The metadata of an ONNX file: protobuf on the wire.
#include "fuzz/fuzz.h"
#include "skylift/formats/onnx_metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  return fuzz([&] {
    const std::string name = "model.onnx";
    onnx_metadata(text_of(data, size), name);
    onnx_inputs(text_of(data, size), name);
    onnx_weight_files(text_of(data, size), name);
  });
}
