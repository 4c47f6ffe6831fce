// JPEG through TurboJPEG. For codec.cpp; everyone else uses codec.h.
#pragma once

#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace skylift {

bool is_jpeg(std::string_view bytes);

/// Nothing if TurboJPEG has no conversion of this file's colours to RGB (CMYK). Error: damaged, also if only in part.
std::optional<cv::Mat> decode_jpeg(std::string_view bytes, const std::string& name);

}  // namespace skylift
