// The metadata of an ONNX file: protobuf on the wire.
#include "fuzz/fuzz.h"
#include "skylift/formats/onnx_metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  return fuzz([&] { onnx_metadata(text_of(data, size), "model.onnx"); });
}
