// COCO annotations, with a list of problems and without one; what was read is written and read again.
#include "skylift/annotations/coco.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("coco");
  const auto& path = memory.fill(text_of(data, size));
  fuzz([&] { read_coco(path, "."); });
  return fuzz([&] {
    Problems problems;
    read_coco(path, ".", &problems);
  });
}
