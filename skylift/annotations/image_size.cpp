#include "skylift/annotations/image_size.h"

#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

ImageHeader checked_header(std::string_view bytes, const std::string& name) {
  const ImageHeader header = read_image_header(bytes);
  if (header.kind == ImageHeader::Kind::unknown)
    throw Error("{}: {}, expected a {} image", name, bytes.empty() ? "an empty file" : "not an image", kImageKinds);
  if (header.stored == ImageSize{}) throw Error("{}: no image size in its header (is the file cut off?)", name);
  constexpr size_t flags_at = 20;
  constexpr char animated = 2;
  const bool moves = header.kind == ImageHeader::Kind::webp && bytes.substr(12).starts_with("VP8X") &&
                     bytes.size() > flags_at && (bytes[flags_at] & animated);
  if (moves) throw Error("{}: an animated WebP, expected a still image", name);
  if (header.bits < 0 || header.bits > 16)
    throw Error("{}: pixels are neither 8 nor 16 bit integers; convert the image to 8-bit JPEG or PNG", name);
  return header;
}

}  // namespace

ImageHeader open_image_header(const fs::path& path) {
  if (!is_file(path)) throw Error("{}: no such image file", path.string());
  const MappedFile file(path);
  return checked_header(file.bytes(), path.string());
}

ImageSize read_image_size(const fs::path& path, const ImageReading& reading) {
  return open_image_header(path).size(reading.orientation);
}

ImageSize read_image_size(std::string_view bytes, const std::string& name, const ImageReading& reading) {
  return checked_header(bytes, name).size(reading.orientation);
}

void fill_image_sizes(AnnotationSet& set, int threads, Problems* problems) {
  std::vector<std::string> wrong(set.images.size());
  parallel_for(set.images.size(), threads, [&](size_t i) {
    ImageRecord& image = set.images[i];
    if (image.width > 0 && image.height > 0) return;
    try {
      const ImageSize size = read_image_size(set.image_path(image), set.reading);
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
