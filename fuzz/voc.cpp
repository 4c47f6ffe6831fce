// A VOC annotation.
#include "skylift/annotations/voc.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("voc");
  static const auto folder = [] {
    const auto path = memory_folder("voc");
    memory_folder("voc/JPEGImages");
    memory_folder("voc/Annotations");
    std::filesystem::create_symlink("nowhere", path / "JPEGImages/a.jpg");
    std::filesystem::create_symlink(memory.fill(""), path / "Annotations/a.xml");
    return path;
  }();
  memory.fill(text_of(data, size));
  return fuzz([&] {
    Problems problems;
    read_voc(folder, "", &problems);
  });
}
