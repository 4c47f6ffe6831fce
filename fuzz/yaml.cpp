// A data.yaml of YOLO's.
#include "fuzz/fuzz.h"
#include "skylift/annotations/yolo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const auto folder = memory_folder("yolo");
  static const MemoryFile memory("yaml");
  static const bool linked = [] {
    memory_folder("yolo/images");
    std::filesystem::create_symlink(memory.fill(""), folder / "data.yaml");
    return true;
  }();
  static_cast<void>(linked);
  // What it names is listed recursively: not the whole machine, please.
  const std::string_view text = text_of(data, size);
  if (text.find("..") != std::string_view::npos || text.find('/') != std::string_view::npos ||
      text.find('\\') != std::string_view::npos)
    return 0;
  memory.fill(text);
  return fuzz([&] {
    Problems problems;
    read_yolo(folder / "data.yaml", "val", &problems);
  });
}
