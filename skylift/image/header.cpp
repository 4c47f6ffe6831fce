#include "skylift/image/header.h"

#include <algorithm>
#include <cstdlib>

namespace skylift {
namespace {

/// Numbers of one byte order at any place; what lies beyond the end is 0, which is no size.
struct Numbers {
  std::string_view bytes;
  bool big_endian;

  int64_t at(size_t place, int count) const {
    if (place > bytes.size() || bytes.size() - place < static_cast<size_t>(count)) return 0;
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      const size_t offset = place + static_cast<size_t>(big_endian ? i : count - 1 - i);
      value = value << 8 | static_cast<unsigned char>(bytes[offset]);
    }
    return static_cast<int64_t>(value);
  }
};

PixelCount bmp_size(std::string_view bytes) {
  const Numbers numbers{bytes, false};
  if (numbers.at(14, 4) == 12) return {numbers.at(18, 2), numbers.at(20, 2)};  // OS/2's header
  const auto is_signed = [&](size_t place) { return int64_t{static_cast<int32_t>(numbers.at(place, 4))}; };
  return {is_signed(18), std::abs(is_signed(22))};
}

/// The three kinds of a WebP file: lossy, lossless, extended.
PixelCount webp_size(std::string_view bytes) {
  const Numbers numbers{bytes, false};
  const std::string_view kind = bytes.substr(12, 4);
  if (kind == "VP8 ") return {numbers.at(26, 2) & 0x3FFF, numbers.at(28, 2) & 0x3FFF};
  if (kind == "VP8X") return {numbers.at(24, 3) + 1, numbers.at(27, 3) + 1};
  const int64_t bits = numbers.at(21, 4);
  if (kind == "VP8L" && bytes.size() >= 25) return {(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  return {};
}

/// The value of a TIFF directory's entry that holds one number.
int64_t tiff_value(const Numbers& numbers, size_t entry) {
  constexpr int64_t type_short = 3, type_long8 = 16, type_signed_long8 = 17;
  const int64_t type = numbers.at(entry + 2, 2);
  if (type == type_long8 || type == type_signed_long8)
    return numbers.at(static_cast<size_t>(numbers.at(entry + 8, 4)), 8);
  return numbers.at(entry + 8, type == type_short ? 2 : 4);
}

/// Of the first directory, which is the one that OpenCV reads. Tiles count, too: OpenCV makes room for a whole one.
PixelCount tiff_size(std::string_view bytes) {
  constexpr int64_t image_width = 256, image_height = 257, tile_width = 322, tile_height = 323;
  const Numbers numbers{bytes, bytes[0] == 'M'};
  const auto directory = static_cast<size_t>(numbers.at(4, 4));
  const int64_t entries = numbers.at(directory, 2);
  PixelCount size;
  for (int64_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + static_cast<size_t>(12 * i);
    if (entry + 12 > bytes.size()) break;
    const int64_t tag = numbers.at(entry, 2), value = tiff_value(numbers, entry);
    if (tag == image_width || tag == tile_width) size.width = std::max(size.width, value);
    if (tag == image_height || tag == tile_height) size.height = std::max(size.height, value);
  }
  return size;
}

}  // namespace

std::optional<PixelCount> header_size(std::string_view bytes) {
  PixelCount size;
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) {
    const Numbers numbers{bytes, true};
    size = {numbers.at(16, 4), numbers.at(20, 4)};
  } else if (bytes.starts_with("BM")) {
    size = bmp_size(bytes);
  } else if (bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") {
    size = webp_size(bytes);
  } else if (bytes.starts_with(std::string_view("II*\0", 4)) || bytes.starts_with(std::string_view("MM\0*", 4))) {
    size = tiff_size(bytes);
  }
  if (size.width <= 0 || size.height <= 0) return std::nullopt;
  return size;
}

}  // namespace skylift
