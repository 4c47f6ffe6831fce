#include "skylift/infer/decode.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace skylift {
namespace {

constexpr int kBins = 4;  // reg_max

/// One level of stride 8 over a 32x32 image whose cells find nothing: logits -10, distances 1 stride on every side.
DenseOutput quiet_output(int classes = 2) {
  DenseOutput output;
  output.strides = {8};
  output.reg_max = kBins;
  LevelOutput level;
  level.cls_logits = at::full({1, classes, 4, 4}, -10.0F);
  level.box_logits = at::zeros({1, 4 * (kBins + 1), 4, 4});
  for (int side = 0; side < 4; ++side) level.box_logits.select(1, side * (kBins + 1) + 1).fill_(50);
  output.levels = {level};
  return output;
}

void set_score(DenseOutput& output, int label, int row, int column, double score) {
  output.levels[0].cls_logits[0][label][row][column] = std::log(score / (1 - score));
}

ImageGeometry plain(int width = 32, int height = 32) {
  return {.original_width = width, .original_height = height, .content_width = width, .content_height = height};
}

TEST(Decode, ABoxIsItsPointAndDistancesInStrides) {
  DenseOutput output = quiet_output();
  set_score(output, 1, 2, 1, 0.8);  // point (8, 16), one stride of 8 px to every side
  const auto found = decode(output, {plain()}, {});
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_EQ(found[0][0].class_index, 1);
  EXPECT_NEAR(found[0][0].score, 0.8, 1e-6);
  EXPECT_NEAR(found[0][0].box.x, 0, 1e-4);
  EXPECT_NEAR(found[0][0].box.y, 8, 1e-4);
  EXPECT_NEAR(found[0][0].box.w, 16, 1e-4);
  EXPECT_NEAR(found[0][0].box.h, 16, 1e-4);
}

TEST(Decode, BoxesGoBackToTheOriginalImage) {
  DenseOutput output = quiet_output();
  set_score(output, 0, 2, 2, 0.9);  // (8,8)..(24,24) in the input
  ImageGeometry geometry{.original_width = 60, .original_height = 64, .content_width = 30, .content_height = 32};
  geometry.scale_x = geometry.scale_y = 0.5;
  const auto found = decode(output, {geometry}, {});
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_NEAR(found[0][0].box.x, 16, 1e-3);
  EXPECT_NEAR(found[0][0].box.w, 32, 1e-3);
}

TEST(Decode, ClipsToTheContentAndDropsWhatIsOutside) {
  DenseOutput output = quiet_output();
  set_score(output, 0, 0, 0, 0.9);  // (-8,-8)..(8,8)
  set_score(output, 0, 3, 3, 0.8);  // (16,16)..(32,32), on the padding of a 16x16 image
  const auto found = decode(output, {plain(16, 16)}, {});
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_EQ(found[0][0].box, (BoxXywh{0, 0, 8, 8}));
}

TEST(Decode, SuppressesWithinAClassOnly) {
  DenseOutput output = quiet_output();
  set_score(output, 0, 1, 1, 0.9);
  set_score(output, 1, 1, 1, 0.7);  // the same box, another class
  output.levels[0].box_logits.fill_(0);
  for (int side = 0; side < 4; ++side)
    output.levels[0].box_logits.select(1, side * (kBins + 1) + kBins).fill_(50);  // 4 strides
  set_score(output, 0, 1, 2, 0.6);  // overlaps the first by more than 0.6 after clipping
  const auto found = decode(output, {plain()}, {});
  ASSERT_EQ(found[0].size(), 2U);
  EXPECT_EQ(found[0][0].class_index, 0);
  EXPECT_EQ(found[0][1].class_index, 1);
}

TEST(Decode, PairsAndLocationsDifferWhereALocationHasSeveralClasses) {
  DenseOutput output = quiet_output(2);
  set_score(output, 0, 0, 0, 0.9);
  set_score(output, 1, 0, 0, 0.8);
  set_score(output, 0, 3, 3, 0.7);
  DecodeOptions options;
  options.candidates = 2;
  EXPECT_EQ(decode(output, {plain()}, options)[0].size(), 2U);  // the two best pairs, both at one location
  options.candidate_unit = "locations";
  EXPECT_EQ(decode(output, {plain()}, options)[0].size(), 3U);  // the two best locations with all their classes
}

TEST(Decode, KeepsAtMostTheBest) {
  DenseOutput output = quiet_output();
  set_score(output, 0, 0, 0, 0.6);
  set_score(output, 0, 3, 3, 0.9);
  DecodeOptions options;
  options.max_detections = 1;
  const auto found = decode(output, {plain()}, options);
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_NEAR(found[0][0].score, 0.9, 1e-6);
}

TEST(Decode, NothingFoundIsAnEmptyList) { EXPECT_TRUE(decode(quiet_output(), {plain()}, {})[0].empty()); }

}  // namespace
}  // namespace skylift
