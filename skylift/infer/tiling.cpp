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

int step_of(const TilingOptions& options) {
  return std::max(1, options.tile_px - static_cast<int>(options.overlap * options.tile_px));
}

}  // namespace

bool is_tiled(cv::Size image, const TilingOptions& options) {
  return options.tile_px > 0 && std::max(image.width, image.height) > options.tile_px;
}

int64_t tile_count(cv::Size image, const TilingOptions& options) {
  if (!is_tiled(image, options)) return 0;
  const int64_t tile = options.tile_px, step = step_of(options);
  const auto along = [&](int64_t length) { return length <= tile ? 1 : (length - tile + step - 1) / step + 1; };
  return along(image.width) * along(image.height);
}

std::vector<cv::Rect> tile_rects(cv::Size image, const TilingOptions& options) {
  const int tile = options.tile_px;
  const int step = step_of(options);
  const cv::Size size(std::min(tile, image.width), std::min(tile, image.height));
  std::vector<cv::Rect> tiles;
  for (const int y : tile_starts(image.height, tile, step)) {
    for (const int x : tile_starts(image.width, tile, step)) tiles.emplace_back(cv::Point(x, y), size);
  }
  return tiles;
}

}  // namespace skylift
