#include "skylift/data/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/error.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TEST(DataOptionsTest, KeysReachTheirFieldsAndLimitsHold) {
  DataOptions options;
  OptionTable table;
  bind(table.root().section("data"), options);
  table.set("data.classes=[\"car\", \"bus\"]");
  table.set("data.augment.tile_px=640");
  table.set("data.input.long_side=960");
  table.set("data.mask_ignored=false");
  EXPECT_EQ(options.classes, (std::vector<std::string>{"car", "bus"}));
  EXPECT_EQ(options.augment.tile_px, 640);
  EXPECT_EQ(options.input.long_side, 960);
  EXPECT_FALSE(options.mask_ignored);
  EXPECT_THROW(table.set("data.augment.flip=1.5"), Error);
  EXPECT_THROW(table.set("data.augment.hue=0.7"), Error);
  EXPECT_THROW(table.set("data.prefetch=0"), Error);
  EXPECT_THAT(table.to_toml(), HasSubstr("min_visibility"));
}

}  // namespace
}  // namespace skylift
