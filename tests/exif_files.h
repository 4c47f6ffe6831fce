// Image files with an EXIF orientation, made byte by byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace skylift::exif {

/// A number in `count` bytes.
inline std::string number(uint64_t value, int count, bool big_endian) {
  std::string out(static_cast<size_t>(count), '\0');
  for (int i = 0; i < count; ++i)
    out[static_cast<size_t>(big_endian ? count - 1 - i : i)] = static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

/// A TIFF directory entry that holds its value.
inline std::string entry(int tag, int type, uint64_t value, bool big_endian) {
  std::string out = number(static_cast<uint64_t>(tag), 2, big_endian) +
                    number(static_cast<uint64_t>(type), 2, big_endian) + number(1, 4, big_endian);
  return out + (type == 3 ? number(value, 2, big_endian) + std::string(2, '\0') : number(value, 4, big_endian));
}

inline std::string tiff_start(bool big_endian, size_t entries) {
  return (big_endian ? "MM" : "II") + number(42, 2, big_endian) + number(8, 4, big_endian) +
         number(entries, 2, big_endian);
}

/// The block that JPEG, PNG and WebP hold.
inline std::string block(int orientation, bool big_endian = false) {
  return tiff_start(big_endian, 2) + entry(0x010F, 4, 0, big_endian) +
         entry(0x0112, 3, static_cast<uint64_t>(orientation), big_endian) + std::string(4, '\0');
}

/// A JPEG with EXIF's APP1 behind its first marker, or behind XMP's, in whose company OpenCV 4.6 does not see it.
inline std::string in_jpeg(const std::string& jpeg, int orientation, bool big_endian = false, bool after_xmp = false) {
  const auto segment = [](const std::string& body) { return "\xFF\xE1" + number(body.size() + 2, 2, true) + body; };
  const std::string xmp("http://ns.adobe.com/xap/1.0/\0<x/>", 34);
  const std::string exif = segment(std::string("Exif\0\0", 6) + block(orientation, big_endian));
  return jpeg.substr(0, 2) + (after_xmp ? segment(xmp) : "") + exif + jpeg.substr(2);
}

inline uint32_t crc32(const std::string& bytes) {
  uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
  }
  return ~crc;
}

/// A PNG with eXIf behind its header chunk, or before its end.
inline std::string in_png(const std::string& png, int orientation, bool at_end = false) {
  const std::string body = "eXIf" + block(orientation, true);
  const std::string chunk = number(body.size() - 4, 4, true) + body + number(crc32(body), 4, true);
  const size_t at = at_end ? png.size() - 12 : 8 + 25;
  return png.substr(0, at) + chunk + png.substr(at);
}

/// A simple WebP of `width` x `height` in its extended form.
inline std::string in_webp(const std::string& webp, int width, int height, int orientation) {
  const auto side = [](int extent) { return number(static_cast<uint64_t>(extent - 1), 3, false); };
  const std::string extended = "VP8X" + number(10, 4, false) + number(8, 4, false) + side(width) + side(height);
  const std::string exif = block(orientation);
  const std::string body = "WEBP" + extended + webp.substr(12) + "EXIF" + number(exif.size(), 4, false) + exif;
  return "RIFF" + number(body.size(), 4, false) + body;
}

/// An uncompressed RGB TIFF of 8 or 16 bits; `pixels` row by row, in its byte order.
inline std::string tiff(int width, int height, const std::string& pixels, int orientation, bool big_endian,
                        int bits = 8) {
  const auto w = static_cast<uint64_t>(width), h = static_cast<uint64_t>(height);
  constexpr size_t entries = 10;
  const uint64_t behind = 8 + 2 + entries * 12 + 4;
  std::string out = tiff_start(big_endian, entries) + entry(256, 4, w, big_endian) + entry(257, 4, h, big_endian);
  out +=
      number(258, 2, big_endian) + number(3, 2, big_endian) + number(3, 4, big_endian) + number(behind, 4, big_endian);
  const std::array<std::array<uint64_t, 3>, 7> rest = {{{259, 3, 1},
                                                        {262, 3, 2},
                                                        {273, 4, behind + 6},
                                                        {274, 3, static_cast<uint64_t>(orientation)},
                                                        {277, 3, 3},
                                                        {278, 4, h},
                                                        {279, 4, pixels.size()}}};
  for (const auto& [tag, type, value] : rest)
    out += entry(static_cast<int>(tag), static_cast<int>(type), value, big_endian);
  out += std::string(4, '\0');
  for (int i = 0; i < 3; ++i) out += number(static_cast<uint64_t>(bits), 2, big_endian);
  return out + pixels;
}

}  // namespace skylift::exif
