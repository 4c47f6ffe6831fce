// Image files to pixels and back. JPEG goes through TurboJPEG, everything else through OpenCV. Pixels are 8-bit RGB.
//
// Pictures come out upright, as OpenCV, mmdetection and Ultralytics turn them by EXIF's orientation and as annotation
// tools show them; image_header.h tells the orientation, for all formats and here as for sizes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "skylift/formats/image_header.h"

namespace skylift {

/// What an image file may ask for, whatever its format: a few bytes of header must not take all of the memory.
inline constexpr int64_t kMostPixels = int64_t{1} << 28;

/// [H,W] 8-bit RGB; grey is spread over three channels, alpha is dropped. 16 bits become 8 by the range that the image
/// uses: a thermal camera fills a small part of its type's, which would leave it black. One pixel in 10,000 at either
/// end may lie outside, since such cameras have dead ones. Depth::type divides by 257 instead, the same in all images.
/// Error, naming the file: missing, not an image, too large, or damaged. A file of which only a part decodes is damaged
/// too.
cv::Mat decode_rgb(const std::filesystem::path& path, const ImageReading& reading = {});

/// The same from memory; `name` stands for the path in messages. The size is looked at before anything is decoded.
cv::Mat decode_rgb(std::string_view bytes, const std::string& name, const ImageReading& reading = {},
                   int64_t most_pixels = kMostPixels);

/// JPEG with 4:2:0 colour; quality 1..100.
std::string encode_jpeg(const cv::Mat& rgb, int quality = 92);
std::string encode_png(const cv::Mat& rgb);

/// Writes .jpg, .jpeg or .png by the file's ending, completely or not at all. Error: another ending, or it cannot be
/// written.
void write_image(const std::filesystem::path& path, const cv::Mat& rgb, int quality = 92);

}  // namespace skylift
