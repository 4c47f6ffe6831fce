#include "skylift/annotations/image_size.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/parallel.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

using Bytes = std::array<unsigned char, 26>;

int big_endian(const unsigned char* bytes, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return static_cast<int>(value);
}

int32_t little_endian(const unsigned char* bytes) {
  int32_t value = 0;
  std::memcpy(&value, bytes, 4);
  return value;
}

bool read_bytes(std::istream& stream, unsigned char* to, int count) {
  return static_cast<bool>(stream.read(reinterpret_cast<char*>(to), count));
}

/// Passes segments up to a start-of-frame marker (ITU T.81, table B.1: C0..CF without C4 DHT, C8 JPG and CC DAC).
std::optional<ImageSize> jpeg_size(std::istream& stream) {
  stream.seekg(2);
  std::array<unsigned char, 5> bytes;
  while (read_bytes(stream, bytes.data(), 1)) {
    if (bytes[0] != 0xFF) return std::nullopt;
    while (bytes[0] == 0xFF) {
      if (!read_bytes(stream, bytes.data(), 1)) return std::nullopt;
    }
    const int marker = bytes[0];
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // these stand alone
    if (marker == 0xD9 || marker == 0xDA || !read_bytes(stream, bytes.data(), 2)) return std::nullopt;
    const int length = big_endian(bytes.data(), 2);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      if (!read_bytes(stream, bytes.data(), 5)) return std::nullopt;
      return ImageSize{big_endian(&bytes[3], 2), big_endian(&bytes[1], 2)};
    }
    if (length < 2 || !stream.seekg(length - 2, std::ios::cur)) return std::nullopt;
  }
  return std::nullopt;
}

ImageSize size_from(std::istream& stream, const std::string& name) {
  Bytes head{};
  stream.read(reinterpret_cast<char*>(head.data()), head.size());
  const auto count = static_cast<size_t>(stream.gcount());
  stream.clear();
  const std::string_view text(reinterpret_cast<const char*>(head.data()), count);
  std::optional<ImageSize> size;
  if (text.starts_with("\xFF\xD8")) {
    size = jpeg_size(stream);
  } else if (text.starts_with("\x89PNG\r\n\x1A\n")) {
    if (text.size() >= 24 && text.substr(12, 4) == "IHDR") size = {big_endian(&head[16], 4), big_endian(&head[20], 4)};
  } else if (text.starts_with("BM")) {
    if (text.size() >= 26)
      // A negative height: top row first. The least int has no positive counterpart and stays negative.
      size = {little_endian(&head[18]), static_cast<int>(std::abs(int64_t{little_endian(&head[22])}))};
  } else {
    throw Error("{}: {}, expected a JPEG, PNG or BMP image", name, count ? "not an image" : "an empty file");
  }
  if (!size || size->width <= 0 || size->height <= 0)
    throw Error("{}: no image size in its header (is the file cut off?)", name);
  return *size;
}

}  // namespace

ImageSize read_image_size(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw Error("{}: no such image file", path.string());
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error("{}: cannot open this image", path.string());
  return size_from(stream, path.string());
}

ImageSize read_image_size(std::string_view bytes, const std::string& name) {
  std::istringstream stream{std::string(bytes)};
  return size_from(stream, name);
}

void fill_image_sizes(AnnotationSet& set, int threads, Problems* problems) {
  std::vector<std::string> wrong(set.images.size());
  parallel_for(set.images.size(), threads, [&](size_t i) {
    ImageRecord& image = set.images[i];
    if (image.width > 0 && image.height > 0) return;
    try {
      const ImageSize size = read_image_size(set.image_path(image));
      image.width = size.width;
      image.height = size.height;
    } catch (const Error& error) {
      wrong[i] = error.what();
    }
  });
  for (size_t i = 0; i < wrong.size(); ++i) {
    if (wrong[i].empty()) continue;
    if (!problems) throw Error("{}", wrong[i]);
    const std::string where = set.image_path(set.images[i]).string();
    problems->push_back({where, wrong[i].substr(where.size() + 2)});
  }
}

}  // namespace skylift
