// JPEG through TurboJPEG. For codec.cpp; everyone else uses codec.h.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace skylift {

bool is_jpeg(std::string_view bytes);

/// Error: more pixels than that, or damaged, also if only in part. A missing end mark, or stray bytes before it, cost no
/// pixel and are no damage.
cv::Mat decode_jpeg(std::string_view bytes, const std::string& name, int64_t most_pixels);

/// The limit that every format has. Error: more pixels.
void check_pixels(int64_t width, int64_t height, const std::string& name, int64_t most_pixels);

}  // namespace skylift
