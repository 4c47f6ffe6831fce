// The size of an image from its header: a few kilobytes are read, nothing is decoded.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"
#include "skylift/formats/image_header.h"

namespace skylift {

/// Error: cannot be opened, none of the formats of image_header.h, cut off before the size.
ImageHeader open_image_header(const std::filesystem::path& path);

/// Of the picture as decode_rgb gives it.
ImageSize read_image_size(const std::filesystem::path& path, const ImageReading& reading = {});

/// The same from memory; `name` stands for the path in messages.
ImageSize read_image_size(std::string_view bytes, const std::string& name, const ImageReading& reading = {});

/// Fills the sizes that are 0, on `threads` threads (0: one per core). Images that cannot be read are reported and stay
/// 0.
void fill_image_sizes(AnnotationSet& set, int threads = 0, Problems* problems = nullptr);

}  // namespace skylift
