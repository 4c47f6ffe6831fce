// What the header of an image file says, for the formats that OpenCV decodes. For codec.cpp; everyone else uses
// codec.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skylift {

struct PixelCount {
  int64_t width = 0, height = 0;
};

/// PNG, BMP, TIFF and WebP. Nothing: another format, or cut off before the size.
std::optional<PixelCount> header_size(std::string_view bytes);

}  // namespace skylift
