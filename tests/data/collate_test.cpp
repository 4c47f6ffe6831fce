#include <ATen/ops/allclose.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "skylift/data/sample.h"

namespace skylift {
namespace {

Sample plain_sample(int width, int height, const cv::Scalar& colour) {
  Sample sample;
  sample.rgb = cv::Mat(height, width, CV_8UC3, colour);
  return sample;
}

TEST(CollateTest, NormalisesPerChannelAndPadsWithZeroAfterwards) {
  // 255, 0 and 103 by the usual constants, computed with numpy in double:
  // (255-123.675)/58.395 = 2.2489083, (0-116.28)/57.12 = -2.0357143, (103-103.53)/57.375 = -0.0092375
  const Batch batch =
      collate({plain_sample(33, 20, {255, 0, 103}), plain_sample(40, 50, {0, 0, 0})}, Preprocess{}).unpacked();
  ASSERT_EQ(batch.images.sizes(), at::IntArrayRef({2, 3, 64, 64}));
  const auto pixel = batch.images.accessor<float, 4>();
  EXPECT_FLOAT_EQ(pixel[0][0][0][0], 2.2489083F);
  EXPECT_FLOAT_EQ(pixel[0][0][19][32], 2.2489083F);
  EXPECT_FLOAT_EQ(pixel[0][1][7][7], -2.0357143F);
  EXPECT_NEAR(pixel[0][2][7][7], -0.0092375F, 1e-7);
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_EQ(pixel[0][channel][20][0], 0);
    EXPECT_EQ(pixel[0][channel][19][33], 0);
    EXPECT_EQ(pixel[0][channel][63][63], 0);
    EXPECT_EQ(pixel[1][channel][50][39], 0);
    EXPECT_NE(pixel[1][channel][49][39], 0);
  }
}

TEST(CollateTest, ReadsCroppedViewsByTheirRows) {
  cv::Mat whole(8, 8, CV_8UC3);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) whole.at<cv::Vec3b>(y, x) = {uchar(x), uchar(y), uchar(x * y)};
  }
  Sample sample;
  sample.rgb = whole(cv::Rect(2, 3, 4, 4));
  Preprocess preprocess;
  preprocess.mean = {0, 0, 0};
  preprocess.deviation = {1, 1, 1};
  preprocess.pad_multiple = 1;
  const Batch batch = collate({sample}, preprocess).unpacked();
  const auto pixel = batch.images.accessor<float, 4>();
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(pixel[0][0][y][x], x + 2);
      EXPECT_EQ(pixel[0][1][y][x], y + 3);
      EXPECT_EQ(pixel[0][2][y][x], (x + 2) * (y + 3));
    }
  }
}

TEST(CollateTest, TargetsHoldBoxesLabelsAndIgnored) {
  Sample full = plain_sample(4, 4, {0, 0, 0}), empty = full;
  full.boxes = {{{1, 2, 3, 4}, 7}, {{0, 0, 2, 2}, 1}};
  full.ignored = {{0, 1, 2, 3}};
  full.image_index = 12;
  full.geometry.flipped = true;
  const Batch batch = collate({full, empty}, Preprocess{}).unpacked();
  EXPECT_EQ(batch.targets[0].boxes_xyxy.sizes(), at::IntArrayRef({2, 4}));
  EXPECT_EQ(batch.targets[0].boxes_xyxy[0][3].item<float>(), 4);
  EXPECT_EQ(batch.targets[0].labels[0].item<int64_t>(), 7);
  EXPECT_EQ(batch.targets[0].ignored_xyxy[0][3].item<float>(), 3);
  EXPECT_EQ(batch.targets[1].boxes_xyxy.sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(batch.targets[1].labels.sizes(), at::IntArrayRef({0}));
  EXPECT_EQ(batch.targets[1].ignored_xyxy.sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(batch.image_indices, (std::vector<int64_t>{12, 0}));
  EXPECT_TRUE(batch.geometries[0].flipped);
}

TEST(CollateTest, UnpacksIntoEitherMemoryFormat) {
  const PackedBatch packed = collate({plain_sample(40, 33, {9, 8, 7}), plain_sample(70, 20, {1, 2, 3})}, Preprocess{});
  const Batch planes = packed.unpacked(), pixels = packed.unpacked(at::kCPU, at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(planes.images.is_contiguous());
  EXPECT_TRUE(pixels.images.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(pixels.images, planes.images));
}

TEST(CollateTest, AReducedBatchKeepsWhatItWasReducedFrom) {
  Sample sample = plain_sample(64, 32, {10, 20, 30});
  sample.boxes = {{{8, 4, 24, 12}, 1}};
  PackedBatch packed = collate({sample}, Preprocess{});
  packed.reduce = 2;
  const Batch batch = packed.unpacked(at::kCPU, at::MemoryFormat::ChannelsLast);
  EXPECT_EQ(batch.images.sizes(), at::IntArrayRef({1, 3, 16, 32}));
  EXPECT_EQ(batch.fine_images.sizes(), at::IntArrayRef({1, 3, 32, 64}));
  EXPECT_EQ(batch.targets[0].boxes_xyxy[0][2].item<float>(), 12);
}

}  // namespace
}  // namespace skylift
