// The size of an image from its header: a few kilobytes are read, nothing is decoded.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"

namespace skylift {

struct ImageSize {
  int width = 0, height = 0;  ///< px as stored; an EXIF orientation is not applied
  bool operator==(const ImageSize&) const = default;
};

/// JPEG (up to its frame header), PNG and BMP. Error: cannot be opened, none of these formats, cut off before the size.
ImageSize read_image_size(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
ImageSize read_image_size(std::string_view bytes, const std::string& name);

/// Fills the sizes that are 0, on `threads` threads (0: one per core). Images that cannot be read are reported and stay
/// 0.
void fill_image_sizes(AnnotationSet& set, int threads = 0, Problems* problems = nullptr);

}  // namespace skylift
