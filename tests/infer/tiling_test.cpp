#include "skylift/infer/tiling.h"

#include <gtest/gtest.h>

#include "skylift/core/error.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

std::vector<cv::Rect> tiles(int width, int height, int tile, double overlap) {
  return tile_rects({width, height}, {.tile_px = tile, .overlap = overlap, .merge = {}});
}

TEST(Tiling, TilesOverlapAndTheLastIsMovedInside) {
  // Starts every 80 px; the third would end at 260.
  EXPECT_EQ(tiles(250, 100, 100, 0.2),
            (std::vector<cv::Rect>{{0, 0, 100, 100}, {80, 0, 100, 100}, {150, 0, 100, 100}}));
}

TEST(Tiling, AnExactFitNeedsNoMoreTiles) {
  EXPECT_EQ(tiles(180, 100, 100, 0.2), (std::vector<cv::Rect>{{0, 0, 100, 100}, {80, 0, 100, 100}}));
  EXPECT_EQ(tiles(100, 100, 100, 0.2), (std::vector<cv::Rect>{{0, 0, 100, 100}}));
}

TEST(Tiling, ASmallImageIsOneTile) { EXPECT_EQ(tiles(60, 40, 100, 0.2), (std::vector<cv::Rect>{{0, 0, 60, 40}})); }

TEST(Tiling, EveryPixelIsInATileAndTilesAreInside) {
  for (const double overlap : {0.0, 0.2, 0.9}) {
    for (const int width : {100, 101, 333, 1000}) {
      std::vector<int> covered(static_cast<size_t>(width), 0);
      for (const cv::Rect& tile : tiles(width, 70, 64, overlap)) {
        ASSERT_GE(tile.x, 0);
        ASSERT_LE(tile.x + tile.width, width);
        ASSERT_LE(tile.y + tile.height, 70);
        for (int x = tile.x; x < tile.x + tile.width; ++x) ++covered[static_cast<size_t>(x)];
      }
      for (const int count : covered) ASSERT_GT(count, 0);
    }
  }
}

TEST(Tiling, TilesAreCountedWithoutBeingMade) {
  for (const double overlap : {0.0, 0.2, 0.33, 0.9}) {
    for (const int width : {60, 100, 101, 333, 1000}) {
      const TilingOptions options = {.tile_px = 64, .overlap = overlap, .merge = {}};
      const cv::Size image(width, 130);
      EXPECT_EQ(tile_count(image, options), static_cast<int64_t>(tile_rects(image, options).size()));
    }
  }
  EXPECT_EQ(tile_count({65535, 65535}, {.tile_px = 32, .overlap = 0.9, .merge = {}}), int64_t{16377} * 16377);
  EXPECT_EQ(tile_count({64, 64}, {.tile_px = 64, .merge = {}}), 0);
}

TEST(Tiling, OptionsOutOfRangeAreRefusedByName) {
  const auto message = [](const DetectOptions& options) { return error_of([&] { check(options); }); };
  DetectOptions options;
  EXPECT_EQ(message(options), "no error");
  options.tiling.tile_px = 8;
  EXPECT_EQ(message(options), "tile: got 8, expected 0 or an integer from 32 to 65536");
  options = {};
  options.tiling.merge.method = "nsm";
  EXPECT_NE(message(options).find("did you mean 'nms'?"), std::string::npos) << message(options);
}

}  // namespace
}  // namespace skylift
