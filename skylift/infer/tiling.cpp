#include "skylift/infer/tiling.h"

#include <algorithm>

namespace skylift {
namespace {

std::vector<int> tile_starts(int length, int tile, int step) {
  std::vector<int> starts;
  int start = 0;
  for (; start + tile < length; start += step) starts.push_back(start);
  starts.push_back(std::max(0, length - tile));
  return starts;
}

}  // namespace

std::vector<cv::Rect> tile_rects(cv::Size image, const TilingOptions& options) {
  const int tile = options.tile_px;
  const int step = std::max(1, tile - static_cast<int>(options.overlap * tile));
  const cv::Size size(std::min(tile, image.width), std::min(tile, image.height));
  std::vector<cv::Rect> tiles;
  for (const int y : tile_starts(image.height, tile, step)) {
    for (const int x : tile_starts(image.width, tile, step)) tiles.emplace_back(cv::Point(x, y), size);
  }
  return tiles;
}

}  // namespace skylift
