// Image files to pixels and back. JPEG goes through TurboJPEG, everything else through OpenCV. Pixels are 8-bit RGB.
//
// EXIF orientation is ignored: annotations name pixels as they are stored, and most annotation tools and all benchmark
// sets of the field were made that way, so turning an image would tear it from its boxes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace skylift {

/// What an image file may ask for, whatever its format: a few bytes of header must not take all of the memory.
inline constexpr int64_t kMostPixels = int64_t{1} << 28;

/// [H,W] 8-bit RGB; grey is spread over three channels, 16 bits are scaled to 8, alpha is dropped.
/// Error, naming the file: missing, not an image, too large, or damaged. A file of which only a part decodes is damaged
/// too.
cv::Mat decode_rgb(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages. The size is looked at before anything is decoded.
cv::Mat decode_rgb(std::string_view bytes, const std::string& name, int64_t most_pixels = kMostPixels);

/// JPEG with 4:2:0 colour; quality 1..100.
std::string encode_jpeg(const cv::Mat& rgb, int quality = 92);
std::string encode_png(const cv::Mat& rgb);

/// Writes .jpg, .jpeg or .png by the file's ending, completely or not at all. Error: another ending, or it cannot be
/// written.
void write_image(const std::filesystem::path& path, const cv::Mat& rgb, int quality = 92);

}  // namespace skylift
