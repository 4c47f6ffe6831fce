// Image files: the size from the header, and the pixels. The limit is small so that inputs are quick.
#include "fuzz/fuzz.h"
#include "skylift/annotations/image_size.h"
#include "skylift/image/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  const std::string_view bytes = text_of(data, size);
  fuzz([&] { read_image_size(bytes, "image"); });
  constexpr int64_t most_pixels = 1 << 16;
  return fuzz([&] {
    const cv::Mat rgb = decode_rgb(bytes, "image", {}, most_pixels);
    if (rgb.type() != CV_8UC3 || static_cast<int64_t>(rgb.total()) > most_pixels) std::abort();
  });
}
