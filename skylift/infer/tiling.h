// Where the tiles of a large image lie.
#pragma once

#include <opencv2/core/types.hpp>
#include <vector>

#include "skylift/infer/options.h"

namespace skylift {

/// Tiles row by row. They start every tile_px - int(overlap * tile_px) pixels; a tile that would stick out is moved
/// back inside, so that all have the full size unless the image is smaller. The same places as SAHI's slices.
std::vector<cv::Rect> tile_rects(cv::Size image, const TilingOptions& options);

}  // namespace skylift
