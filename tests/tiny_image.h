// Image files of which only the headers matter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "skylift/core/file.h"

namespace skylift {

/// A PNG of this size without pixels: signature, IHDR, IEND.
inline void write_tiny_image(const std::filesystem::path& path, int width, int height) {
  std::string bytes("\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR", 16);
  for (const int extent : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(static_cast<uint32_t>(extent) >> shift & 0xFF);
  }
  bytes += std::string("\x08\x02\x00\x00\x00....\x00\x00\x00\x00IEND....", 21);
  write_file(path, bytes);
}

}  // namespace skylift
