#include "skylift/image/codec.h"

#include <algorithm>
#include <limits>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/image/header.h"
#include "skylift/image/jpeg.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// OpenCV's BGR, BGRA or grey of 8 or 16 bits as 8-bit RGB.
cv::Mat to_rgb8(cv::Mat pixels, const std::string& name) {
  if (pixels.depth() == CV_16U) {
    pixels.convertTo(pixels, CV_8U, 1.0 / 257);
  } else if (pixels.depth() != CV_8U) {
    throw Error("{}: pixels are neither 8 nor 16 bit integers; convert the image to 8-bit JPEG or PNG", name);
  }
  cv::Mat rgb;
  switch (pixels.channels()) {
    case 1:
      cv::cvtColor(pixels, rgb, cv::COLOR_GRAY2RGB);
      break;
    case 3:
      cv::cvtColor(pixels, rgb, cv::COLOR_BGR2RGB);
      break;
    case 4:
      cv::cvtColor(pixels, rgb, cv::COLOR_BGRA2RGB);
      break;
    default:
      throw Error("{}: {} channels, expected 1, 3 or 4", name, pixels.channels());
  }
  return rgb;
}

/// OpenCV would decode more formats than anybody has images in, and up to 2^30 pixels.
void check_header(std::string_view bytes, const std::string& name, int64_t most_pixels) {
  const auto size = header_size(bytes);
  if (!size) throw Error("{}: not an image that can be read, or damaged; expected JPEG, PNG, BMP, TIFF or WebP", name);
  check_pixels(size->width, size->height, name, most_pixels);
}

cv::Mat decode_with_opencv(std::string_view bytes, const std::string& name) {
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  const cv::Mat pixels = cv::imdecode(encoded, cv::IMREAD_UNCHANGED);  // this mode leaves EXIF orientation alone
  if (!pixels.empty()) return to_rgb8(pixels, name);
  throw Error("{}: not an image that can be read, or damaged; expected JPEG, PNG, BMP, TIFF or WebP", name);
}

}  // namespace

cv::Mat decode_rgb(std::string_view bytes, const std::string& name, int64_t most_pixels) {
  if (bytes.empty()) throw Error("{}: the file is empty, expected an image", name);
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    throw Error("{}: {} bytes, expected less than 2 GB", name, bytes.size());
  try {
    if (is_jpeg(bytes)) return decode_jpeg(bytes, name, most_pixels);
    check_header(bytes, name, most_pixels);
    return decode_with_opencv(bytes, name);
  } catch (const cv::Exception& exception) {  // its limits, or no memory: of this image, not of the whole run
    throw Error("{}: damaged image ({})", name, exception.err);
  }
}

// Read, not mapped: a mapped file that shrinks while it is decoded ends the program with SIGBUS.
cv::Mat decode_rgb(const fs::path& path) { return decode_rgb(read_file(path), path.string()); }

std::string encode_png(const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<unsigned char> bytes;
  cv::imencode(".png", bgr, bytes);
  return {bytes.begin(), bytes.end()};
}

void write_image(const fs::path& path, const cv::Mat& rgb, int quality) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char letter) { return std::tolower(letter); });
  if (ending == ".jpg" || ending == ".jpeg") {
    write_file(path, encode_jpeg(rgb, quality));
  } else if (ending == ".png") {
    write_file(path, encode_png(rgb));
  } else {
    throw Error("{}: cannot write '{}' images, expected .jpg, .jpeg or .png", path.string(), ending);
  }
}

}  // namespace skylift
