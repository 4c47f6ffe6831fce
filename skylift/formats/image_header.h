// What an image file says of itself before its pixels: size, depth and the orientation that a camera notes in EXIF
// (JPEG APP1, PNG eXIf, WebP EXIF; a tag of its own in TIFF). One place for all that decode an image and all that only
// ask for its size: boxes lie in the upright picture, as in OpenCV, mmdetection and Ultralytics.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace skylift {

/// How image files become pictures. Part of a data set's SPEC, since its labels were made on one of the two frames.
struct ImageReading {
  enum class Orientation { upright, stored };  ///< turned as EXIF says, or left as the file has it
  enum class Depth { image, type };  ///< 16 bits to 8: by the range that the image uses, or by that of 16 bits

  Orientation orientation = Orientation::upright;
  Depth depth = Depth::image;
  bool operator==(const ImageReading&) const = default;
};

/// Sets what "orientation" or "depth" names. False: another key. Error: another value, told with the known ones.
bool set_image_reading(ImageReading& reading, std::string_view key, std::string_view value);

struct ImageSize {
  int width = 0, height = 0;  ///< px
  bool operator==(const ImageSize&) const = default;
};

struct ImageHeader {
  enum class Kind { unknown, jpeg, png, bmp, webp, tiff };

  Kind kind = Kind::unknown;
  ImageSize stored = {};  ///< 0x0: cut off before it
  int bits = 8;           ///< of a colour in a pixel, as PNG and TIFF say
  int orientation = 1;    ///< EXIF's 1..8; 1: upright
  uint64_t tag_at = 0;    ///< where in a TIFF file the orientation stands; 0: nowhere
  ImageSize size(ImageReading::Orientation orientation) const;
};

/// Nothing of the file is trusted: every place in it is checked against its end, a tag that is none counts as absent.
ImageHeader read_image_header(std::string_view bytes);

/// "JPEG, PNG, BMP, TIFF or WebP".
extern const char* const kImageKinds;

/// ".jpg", ".jpeg", ...
extern const std::array<std::string_view, 7> kImageEndings;

/// By its ending, in any case: a file that the program takes for an image. What begins with a dot is not there: macOS
/// puts "._a.jpg" beside a.jpg on other disks, notebooks copies into ".ipynb_checkpoints".
bool is_image_name(const std::filesystem::path& path);
bool is_hidden(const std::filesystem::path& path);

}  // namespace skylift
