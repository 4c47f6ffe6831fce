#include "skylift/eval/ignored_regions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "skylift/core/rng.h"

namespace skylift {
namespace {

/// The same with a raster and a loop over its pixels.
bool covers_by_raster(const std::vector<BoxXywh>& regions, int width, int height, const BoxXywh& box) {
  const auto pixel = [](double value) { return std::max(1, static_cast<int>(std::round(value))); };
  std::vector<std::vector<int>> raster(height + 1, std::vector<int>(width + 1));
  for (const auto& region : regions) {
    for (int y = pixel(region.y); y <= std::min(height, pixel(region.y) + pixel(region.h)); ++y) {
      for (int x = pixel(region.x); x <= std::min(width, pixel(region.x) + pixel(region.w)); ++x) raster[y][x] = 1;
    }
  }
  const int left = std::min(width, pixel(box.x)), top = std::min(height, pixel(box.y));
  int covered = 0;
  for (int y = top + 1; y <= std::min(height, pixel(box.y) + pixel(box.h)); ++y) {
    for (int x = left + 1; x <= std::min(width, pixel(box.x) + pixel(box.w)); ++x) covered += raster[y][x];
  }
  return 2 * covered >= pixel(box.w) * pixel(box.h);
}

TEST(IgnoredRegions, AgreeWithARasterOnRandomRegions) {
  Rng rng(11);
  int dropped = 0;
  for (int round = 0; round < 300; ++round) {
    const int width = 5 + static_cast<int>(rng.index(60)), height = 5 + static_cast<int>(rng.index(60));
    std::vector<BoxXywh> regions;
    for (int64_t i = rng.index(6); i >= 0; --i) {
      regions.push_back(
          {rng.uniform(-9, width + 9), rng.uniform(-9, height + 9), rng.uniform(0, 40), rng.uniform(0, 40)});
    }
    const IgnoredRegions fast(regions, width, height);
    for (int i = 0; i < 50; ++i) {
      const BoxXywh box{std::round(rng.uniform(-9, width - 1)), std::round(rng.uniform(-9, height - 1)),
                        rng.uniform(0, 30), rng.uniform(0, 30)};
      ASSERT_EQ(fast.covers(box), covers_by_raster(regions, width, height, box)) << "round " << round;
      dropped += fast.covers(box);
    }
  }
  EXPECT_GT(dropped, 1000);
}

TEST(IgnoredRegions, HalfIsEnoughAndTheFirstRowAndColumnAreLeftOut) {
  const std::vector<BoxXywh> left_half = {{1, 1, 10, 20}};                   // paints columns 1..11 and rows 1..21
  EXPECT_TRUE(IgnoredRegions(left_half, 100, 100).covers({1, 1, 20, 20}));   // counts columns 2..11: 10 of 20
  EXPECT_FALSE(IgnoredRegions(left_half, 100, 100).covers({2, 1, 20, 20}));  // columns 3..11
}

TEST(IgnoredRegions, ABoxOutsideOfTheImageIsNotCovered) {
  const std::vector<BoxXywh> everything = {{0, 0, 50, 50}};
  const IgnoredRegions regions(everything, 50, 50);
  EXPECT_FALSE(regions.covers({500, 500, 10, 10}));
  EXPECT_TRUE(regions.covers({10, 10, 10, 10}));
}

}  // namespace
}  // namespace skylift
