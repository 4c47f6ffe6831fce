// JPEG through TurboJPEG. For codec.cpp; everyone else uses codec.h.
#pragma once

#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "skylift/image/codec.h"

namespace skylift {

bool is_jpeg(std::string_view bytes);

/// Nothing if TurboJPEG has no conversion of this file's colours to RGB (CMYK). Error: damaged, also if only in part.
std::optional<ReducedImage> decode_jpeg(std::string_view bytes, const std::string& name, int min_long_side);

}  // namespace skylift
