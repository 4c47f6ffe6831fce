// Results: COCO's JSON and VisDrone's lines.
#include "skylift/annotations/detections.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile json("detections");
  static const auto folder = memory_folder("results");
  static const AnnotationSet truth = [] {
    AnnotationSet set;
    set.format = "visdrone";
    set.classes = {"car", "bus"};
    set.class_ids = {1, 4};
    set.images = {ImageRecord{"a.jpg", 1, 10, 10, {}, {}}, ImageRecord{"b.jpg", 7, 10, 10, {}, {}}};
    return set;
  }();
  Problems problems;
  if (size > 0 && data[0] == 'L') {
    static const MemoryFile lines("lines");
    static const bool linked = (std::filesystem::create_symlink(lines.fill(""), folder / "a.txt"), true);
    static_cast<void>(linked);
    lines.fill(text_of(data + 1, size - 1));
    return fuzz([&] { read_detections(folder, truth, &problems); });
  }
  return fuzz([&] { read_detections(json.fill(text_of(data, size)), truth, &problems); });
}
