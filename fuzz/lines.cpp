// Text files of numbers as VisDrone, UAVDT and YOLO have them, by the first byte. The layouts are those of the readers,
// which otherwise only list folders.
#include "fuzz/fuzz.h"
#include "skylift/annotations/number_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("lines");
  static const LineLayout visdrone{',', {"x", "y", "w", "h", "score", "category", "truncation", "occlusion"}, 0};
  static const LineLayout ignored{',', {"frame", "target", "x", "y", "w", "h", "7", "8", "9", "10"}, 6};
  static const LineLayout yolo{' ', {"class", "cx", "cy", "w", "h"}, 0};
  if (size == 0) return 0;
  const LineLayout& layout = data[0] == 'v' ? visdrone : data[0] == 'u' ? ignored : yolo;
  const auto& path = memory.fill(text_of(data + 1, size - 1));
  return fuzz([&] {
    Problems problems;
    read_number_lines(path, layout, &problems, [&](size_t line, std::span<const double> values) {
      int out = 0;
      for (size_t column = 0; column < values.size(); ++column)
        integer_field(path, line, layout, values, column, -2147483647, 2147483647, &problems, out);
    });
  });
}
