// For comparisons with other implementations. stdin: "tiles W H TILE OVERLAP", or "merge METHOD METRIC THRESHOLD
// ACROSS N" and N lines "x y w h score class"; stdout: a line with the count, then the tiles or detections.
#include <fmt/core.h>

#include <iostream>
#include <string>

#include "skylift/infer/merge.h"
#include "skylift/infer/tiling.h"

int main() {
  for (std::string what; std::cin >> what;) {
    if (what == "tiles") {
      cv::Size size;
      skylift::TilingOptions options;
      std::cin >> size.width >> size.height >> options.tile_px >> options.overlap;
      const auto tiles = skylift::tile_rects(size, options);
      fmt::print("{}\n", tiles.size());
      for (const cv::Rect& tile : tiles) fmt::print("{} {} {} {}\n", tile.x, tile.y, tile.br().x, tile.br().y);
    } else {
      skylift::MergeOptions options;
      size_t count = 0;
      std::cin >> options.method >> options.metric >> options.threshold >> options.across_classes >> count;
      std::vector<skylift::Detection> detections(count);
      for (auto& d : detections) std::cin >> d.box.x >> d.box.y >> d.box.w >> d.box.h >> d.score >> d.class_index;
      const auto merged = skylift::merge_detections(detections, options, 1'000'000);
      fmt::print("{}\n", merged.size());
      for (const auto& d : merged)
        fmt::print("{} {} {} {} {} {}\n", d.box.x, d.box.y, d.box.w, d.box.h, d.score, d.class_index);
    }
  }
}
