#include "skylift/image/codec.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/image/jpeg.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// OpenCV's BGR, BGRA or grey as RGB of the same depth.
cv::Mat to_rgb(const cv::Mat& pixels, const std::string& name) {
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

struct Range {
  int low, high;
};

/// Of 16-bit values, without the outermost 1 / 10,000 at either end.
Range used_range(const cv::Mat& rgb) {
  std::vector<int64_t> counts(1 << 16);
  for (int y = 0; y < rgb.rows; ++y) {
    const auto* row = rgb.ptr<uint16_t>(y);
    for (int x = 0; x < rgb.cols * rgb.channels(); ++x) ++counts[row[x]];
  }
  const int64_t outside = static_cast<int64_t>(rgb.total()) * rgb.channels() / 10000;
  Range range{0, (1 << 16) - 1};
  for (int64_t passed = counts.front(); passed <= outside; passed += counts[static_cast<size_t>(range.low)])
    ++range.low;
  for (int64_t passed = counts.back(); passed <= outside; passed += counts[static_cast<size_t>(range.high)])
    --range.high;
  return range;
}

cv::Mat to_8_bits(const cv::Mat& rgb, ImageReading::Depth depth) {
  if (rgb.depth() == CV_8U) return rgb;
  Range range{0, (1 << 16) - 1};
  if (depth == ImageReading::Depth::image) {
    if (const Range used = used_range(rgb); used.low < used.high) range = used;
  }
  const double scale = 255.0 / (range.high - range.low);
  cv::Mat pixels;
  rgb.convertTo(pixels, CV_8U, scale, -range.low * scale);
  return pixels;
}

/// EXIF's orientations: 1 as stored .. 8.
cv::Mat turned(const cv::Mat& stored, int orientation) {
  constexpr int upside_down = 0, mirrored = 1, both = -1;
  cv::Mat pixels = stored;
  if (orientation >= 5) cv::transpose(stored, pixels);
  const auto flipped = [&](int axes) {
    cv::Mat out;
    cv::flip(pixels, out, axes);
    return out;
  };
  if (orientation == 2 || orientation == 6) return flipped(mirrored);
  if (orientation == 3 || orientation == 7) return flipped(both);
  if (orientation == 4 || orientation == 8) return flipped(upside_down);
  return pixels;
}

/// OpenCV would decode more formats than anybody has images in, and up to 2^30 pixels.
void check_header(const ImageHeader& header, const std::string& name, int64_t most_pixels) {
  if (header.kind == ImageHeader::Kind::unknown || header.stored == ImageSize{})
    throw Error("{}: not an image that can be read, or damaged; expected {}", name, kImageKinds);
  check_pixels(header.stored.width, header.stored.height, name, most_pixels);
}

cv::Mat decode_with_opencv(std::string_view bytes, const std::string& name) {
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  const cv::Mat pixels = cv::imdecode(encoded, cv::IMREAD_UNCHANGED);  // this mode leaves EXIF orientation alone
  if (pixels.empty()) throw Error("{}: not an image that can be read, or damaged; expected {}", name, kImageKinds);
  if (pixels.depth() != CV_8U && pixels.depth() != CV_16U)
    throw Error("{}: pixels are neither 8 nor 16 bit integers; convert the image to 8-bit JPEG or PNG", name);
  return to_rgb(pixels, name);
}

/// A PNG file without the chunks that say nothing of its pixels: libpng takes as much memory for them as they claim to
/// need (100 bytes took 1.6 GB), and unpacks texts and colour profiles that nobody reads.
std::string png_of_pixels(std::string_view bytes, const std::string& name) {
  constexpr size_t frame = 12;  // of a chunk: length, type, checksum
  std::string pixels(bytes.substr(0, 8));
  for (size_t at = 8; at + frame <= bytes.size();) {
    size_t length = 0;
    for (const char byte : bytes.substr(at, 4)) length = length << 8 | static_cast<unsigned char>(byte);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (length > bytes.size() - at - frame)
      throw Error("{}: damaged PNG: a chunk claims {} bytes, {} are left; fetch or export this image again", name,
                  length, bytes.size() - at - frame);
    const bool needed = (type[0] & 0x20) == 0;  // else a reader may skip it
    if (needed || type == "tRNS") pixels += bytes.substr(at, frame + length);
    if (type == "IEND") break;  // what some programs put behind it is none of PNG's
    at += frame + length;
  }
  return pixels;
}

/// Pixels as the file has them.
cv::Mat decode_stored(std::string_view bytes, const ImageHeader& header, const std::string& name, int64_t most_pixels) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name, most_pixels);
  check_header(header, name, most_pixels);
  if (header.kind == ImageHeader::Kind::png) return decode_with_opencv(png_of_pixels(bytes, name), name);
  if (header.kind != ImageHeader::Kind::tiff || header.orientation == 1) return decode_with_opencv(bytes, name);
  // OpenCV turns TIFF whatever it is asked for, so it gets the file without its tag (a short: 1 in either byte order).
  std::string untagged(bytes);
  const size_t low = header.tag_at + (bytes[0] == 'M' ? 1 : 0);
  untagged[low] = 1;
  return decode_with_opencv(untagged, name);
}

}  // namespace

cv::Mat decode_rgb(std::string_view bytes, const std::string& name, const ImageReading& reading, int64_t most_pixels) {
  if (bytes.empty()) throw Error("{}: the file is empty, expected an image", name);
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    throw Error("{}: {} bytes, expected less than 2 GB", name, bytes.size());
  try {
    const ImageHeader header = read_image_header(bytes);
    const cv::Mat stored = to_8_bits(decode_stored(bytes, header, name, most_pixels), reading.depth);
    return reading.orientation == ImageReading::Orientation::upright ? turned(stored, header.orientation) : stored;
  } catch (const cv::Exception& exception) {  // its limits, or no memory: of this image, not of the whole run
    throw Error("{}: damaged image ({})", name, exception.err);
  }
}

// Read, not mapped: a mapped file that shrinks while it is decoded ends the program with SIGBUS.
cv::Mat decode_rgb(const fs::path& path, const ImageReading& reading) {
  return decode_rgb(read_file(path), path.string(), reading);
}

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
