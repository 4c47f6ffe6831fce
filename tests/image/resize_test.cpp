#include "skylift/image/resize.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace skylift {
namespace {

TEST(ResizeTest, SizesAreTheReferences) {
  const Preprocess preprocess;                                              // 1333 x 800
  EXPECT_EQ(keep_ratio_size({640, 480}, preprocess), cv::Size(1067, 800));  // the short side decides: 800 / 480
  EXPECT_EQ(keep_ratio_size({480, 640}, preprocess), cv::Size(800, 1067));
  EXPECT_EQ(keep_ratio_size({1920, 1080}, preprocess), cv::Size(1333, 750));  // the long side decides: 749.8 -> 750
  EXPECT_EQ(keep_ratio_size({2000, 1500}, preprocess), cv::Size(1067, 800));
  EXPECT_EQ(keep_ratio_size({1333, 800}, preprocess), cv::Size(1333, 800));
}

TEST(ResizeTest, RoundsHalfUpAndKeepsAPixel) {
  EXPECT_EQ(scaled_size({5, 3}, 0.5), cv::Size(3, 2));  // 2.5 and 1.5
  EXPECT_EQ(scaled_size({1000, 1}, 0.1), cv::Size(100, 1));
}

TEST(ResizeTest, BilinearWithHalfPixelCentres) {
  const cv::Mat row = (cv::Mat_<cv::Vec3b>(1, 2) << cv::Vec3b(0, 0, 0), cv::Vec3b(200, 100, 40));
  const cv::Mat wide = resize_rgb(row, {4, 1});  // centres at -0.25, 0.25, 0.75, 1.25 of the source
  EXPECT_EQ(wide.at<cv::Vec3b>(0, 0), cv::Vec3b(0, 0, 0));
  EXPECT_EQ(wide.at<cv::Vec3b>(0, 1), cv::Vec3b(50, 25, 10));
  EXPECT_EQ(wide.at<cv::Vec3b>(0, 2), cv::Vec3b(150, 75, 30));
  EXPECT_EQ(wide.at<cv::Vec3b>(0, 3), cv::Vec3b(200, 100, 40));
}

TEST(ResizeTest, RoundsUpToMultiples) {
  EXPECT_EQ(round_up(1067, 32), 1088);
  EXPECT_EQ(round_up(800, 32), 800);
  EXPECT_EQ(round_up(5, 1), 5);
}

}  // namespace
}  // namespace skylift
