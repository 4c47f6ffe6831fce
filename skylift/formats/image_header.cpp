#include "skylift/formats/image_header.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <limits>
#include <optional>

#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr uint64_t kWidthTag = 256, kHeightTag = 257, kTileWidthTag = 322, kTileHeightTag = 323, kBitsTag = 258,
                   kOrientationTag = 274, kSampleFormatTag = 339;
constexpr uint64_t kSigned = 2, kFraction = 3;  // of SampleFormat
constexpr uint64_t kShort = 3, kLong = 4;

/// Numbers in a file. One that reaches beyond the end is 0, and so is every size made of it.
class Numbers {
 public:
  Numbers(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint64_t at(uint64_t place, int count) const {
    if (place > bytes_.size() || bytes_.size() - place < static_cast<uint64_t>(count)) return 0;
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      const uint64_t next = place + static_cast<uint64_t>(big_endian_ ? i : count - 1 - i);
      value = value << 8 | static_cast<unsigned char>(bytes_[next]);
    }
    return value;
  }
  bool has(uint64_t place, std::string_view text) const {
    return place <= bytes_.size() && bytes_.substr(place).starts_with(text);
  }
  uint64_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

ImageSize size_of(uint64_t width, uint64_t height) {
  constexpr uint64_t most = std::numeric_limits<int>::max();
  if (width == 0 || height == 0 || width > most || height > most) return {};
  return {static_cast<int>(width), static_cast<int>(height)};
}

/// TIFF 6.0: the first directory of a file, or of the block that EXIF is.
ImageHeader tiff_header(std::string_view bytes) {
  const Numbers in(bytes, bytes.starts_with("MM"));
  ImageHeader header;
  const bool tiff = (bytes.starts_with("II") || bytes.starts_with("MM")) && in.at(2, 2) == 42;
  if (!tiff) return header;
  header.kind = ImageHeader::Kind::tiff;
  const uint64_t directory = in.at(4, 4), entries = in.at(directory, 2);
  uint64_t width = 0, height = 0, tile_width = 0, tile_height = 0;
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    if (entry + 12 > in.size()) break;
    const uint64_t tag = in.at(entry, 2), type = in.at(entry + 2, 2), count = in.at(entry + 4, 4);
    if (type != kShort && type != kLong) continue;
    // More than four bytes stand elsewhere: BitsPerSample of three colours.
    const uint64_t place = count * (type == kShort ? 2 : 4) > 4 ? in.at(entry + 8, 4) : entry + 8;
    const uint64_t value = in.at(place, type == kShort ? 2 : 4);
    if (tag == kWidthTag) width = value;
    if (tag == kHeightTag) height = value;
    if (tag == kTileWidthTag) tile_width = value;
    if (tag == kTileHeightTag) tile_height = value;
    if (tag == kBitsTag && value <= 64) header.bits = static_cast<int>(value);
    // Nothing here reads them, so they need no name of their own; the tag is behind that of bits.
    if (tag == kSampleFormatTag && (value == kSigned || value == kFraction)) header.bits = -header.bits;
    // OpenCV reads a short from what some writers make a long of, which is the same number in little-endian alone.
    const bool short_there = type == kShort || bytes.starts_with("II");
    if (tag == kOrientationTag && short_there && value >= 1 && value <= 8 && header.tag_at == 0) {
      header.orientation = static_cast<int>(value);
      header.tag_at = place;
    }
  }
  // A tile is held as a whole, however small the image: one that is absurd stands for the size, which decoders refuse.
  constexpr uint64_t absurd = uint64_t{1} << 28;
  if (tile_width > 0 && tile_height > absurd / tile_width) width = tile_width, height = tile_height;
  header.stored = size_of(width, height);
  return header;
}

int exif_orientation(std::string_view block) {
  constexpr std::string_view prefix("Exif\0\0", 6);
  if (block.starts_with(prefix)) block.remove_prefix(prefix.size());  // always in JPEG, from some writers in WebP
  return tiff_header(block).orientation;
}

/// Segments up to the start of the scan (ITU T.81, table B.1; frames are C0..CF without C4 DHT, C8 JPG and CC DAC).
ImageHeader jpeg_header(std::string_view bytes) {
  const Numbers in(bytes, true);
  ImageHeader header{.kind = ImageHeader::Kind::jpeg};
  bool oriented = false;
  for (uint64_t at = 2; in.at(at, 1) == 0xFF;) {
    while (in.at(at, 1) == 0xFF) ++at;
    const uint64_t marker = in.at(at, 1), length = in.at(at + 1, 2);
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) {  // these stand alone
      ++at;
      continue;
    }
    if (marker == 0xD9 || marker == 0xDA || length < 2) break;
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && header.stored == ImageSize{}) header.stored = size_of(in.at(at + 6, 2), in.at(at + 4, 2));
    if (marker == 0xE1 && !oriented && in.has(at + 3, std::string_view("Exif\0\0", 6))) {  // others are XMP's
      header.orientation = exif_orientation(bytes.substr(at + 3, length - 2));
      oriented = true;
    }
    at += 1 + length;
  }
  return header;
}

/// Chunks; eXIf may stand before and after the pixels.
ImageHeader png_header(std::string_view bytes) {
  const Numbers in(bytes, true);
  ImageHeader header{.kind = ImageHeader::Kind::png};
  if (!in.has(12, "IHDR")) return header;
  header.stored = size_of(in.at(16, 4), in.at(20, 4));
  if (in.at(24, 1) == 16) header.bits = 16;
  for (uint64_t at = 8; at + 12 <= in.size(); at += 12 + in.at(at, 4)) {
    if (!in.has(at + 4, "eXIf")) continue;
    header.orientation = exif_orientation(bytes.substr(at + 8, in.at(at, 4)));
    break;
  }
  return header;
}

/// Chunks of a RIFF file; "VP8X" comes first where there is more than one frame without transparency.
ImageHeader webp_header(std::string_view bytes) {
  const Numbers in(bytes, false);
  ImageHeader header{.kind = ImageHeader::Kind::webp};
  if (in.has(12, "VP8X")) {
    header.stored = bytes.size() < 30 ? ImageSize{} : size_of(in.at(24, 3) + 1, in.at(27, 3) + 1);
  } else if (in.has(12, "VP8L")) {
    const uint64_t packed = in.at(21, 4);
    if (in.size() >= 25) header.stored = size_of((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1);
  } else if (in.has(12, "VP8 ")) {
    header.stored = size_of(in.at(26, 2) & 0x3FFF, in.at(28, 2) & 0x3FFF);
  }
  for (uint64_t at = 12; at + 8 <= in.size(); at += 8 + in.at(at + 4, 4) + in.at(at + 4, 4) % 2) {
    if (!in.has(at, "EXIF")) continue;
    header.orientation = exif_orientation(bytes.substr(at + 8, in.at(at + 4, 4)));
    break;
  }
  return header;
}

ImageHeader bmp_header(std::string_view bytes) {
  const Numbers in(bytes, false);
  // A negative height says that the top row comes first.
  const auto height = static_cast<int32_t>(static_cast<uint32_t>(in.at(22, 4)));
  return {.kind = ImageHeader::Kind::bmp,
          .stored = size_of(in.at(18, 4), static_cast<uint64_t>(std::abs(int64_t{height})))};
}

}  // namespace

const char* const kImageKinds = "JPEG, PNG, BMP, TIFF or WebP";
const std::array<std::string_view, 7> kImageEndings = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"};

bool set_image_reading(ImageReading& reading, std::string_view key, std::string_view value) {
  const auto choose = [&](auto& target, std::string_view first, std::string_view second) {
    using Choice = std::remove_reference_t<decltype(target)>;
    if (value != first && value != second) throw Error("{}={}: expected {} or {}", key, value, first, second);
    target = static_cast<Choice>(value == second);
    return true;
  };
  if (key == "orientation") return choose(reading.orientation, "upright", "stored");
  if (key == "depth") return choose(reading.depth, "image", "type");
  return false;
}

ImageSize ImageHeader::size(ImageReading::Orientation as) const {
  const bool turned = as == ImageReading::Orientation::upright && orientation >= 5;
  return turned ? ImageSize{stored.height, stored.width} : stored;
}

ImageHeader read_image_header(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8")) return jpeg_header(bytes);
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return png_header(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return webp_header(bytes);
  if (bytes.starts_with("BM")) return bmp_header(bytes);
  return tiff_header(bytes);
}

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return !is_hidden(path) && std::ranges::find(kImageEndings, ending) != kImageEndings.end();
}

bool is_hidden(const std::filesystem::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace skylift
