// Where the tiles of a large image lie.
#pragma once

#include <cstdint>
#include <opencv2/core/types.hpp>
#include <vector>

#include "skylift/infer/options.h"

namespace skylift {

/// Whether an image is larger than a tile.
bool is_tiled(cv::Size image, const TilingOptions& options);

/// Tiles row by row. They start every tile_px - int(overlap * tile_px) pixels; a tile that would stick out is moved
/// back inside, so that all have the full size unless the image is smaller. The same places as SAHI's slices.
std::vector<cv::Rect> tile_rects(cv::Size image, const TilingOptions& options);

/// How many tile_rects() gives, 0 where the image stays whole.
int64_t tile_count(cv::Size image, const TilingOptions& options);

}  // namespace skylift
