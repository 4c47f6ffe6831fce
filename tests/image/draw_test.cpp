#include "skylift/image/draw.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace skylift {
namespace {

TEST(DrawTest, FrameLiesOnTheBoxAndTextAboveIt) {
  cv::Mat rgb(100, 100, CV_8UC3, cv::Scalar::all(0));
  const std::vector<DrawnBox> boxes = {{{20, 40, 30, 30}, 3, "car"}};
  draw_boxes(rgb, boxes);
  const cv::Mat grey = rgb.reshape(1);
  EXPECT_GT(cv::norm(rgb.at<cv::Vec3b>(55, 20)), 100);  // left edge
  EXPECT_EQ(cv::norm(rgb.at<cv::Vec3b>(55, 35)), 0);    // the object itself stays visible
  EXPECT_GT(cv::norm(rgb(cv::Rect(21, 25, 20, 12))), 0);
  EXPECT_EQ(cv::norm(rgb(cv::Rect(0, 80, 100, 20))), 0);
}

TEST(DrawTest, SmallBoxesGetNoText) {
  cv::Mat with(50, 50, CV_8UC3, cv::Scalar::all(0)), without = with.clone();
  const std::vector<DrawnBox> labelled = {{{20, 20, 8, 8}, 1, "person"}}, plain = {{{20, 20, 8, 8}, 1, ""}};
  draw_boxes(with, labelled);
  draw_boxes(without, plain);
  EXPECT_EQ(cv::norm(with, without), 0);
}

TEST(DrawTest, OutsideTheImageIsHarmless) {
  cv::Mat rgb(20, 20, CV_8UC3, cv::Scalar::all(0));
  const std::vector<DrawnBox> boxes = {{{-50, -50, 20, 20}, 0, "far away"}, {{15, 15, 90, 90}, 1, "half outside"}};
  draw_boxes(rgb, boxes);
  const std::vector<cv::Rect2f> regions = {{-10, -10, 15, 15}, {100, 100, 5, 5}};
  EXPECT_NO_THROW(draw_ignored(rgb, regions));
}

TEST(DrawTest, NeighbouringClassesDifferInColour) {
  for (int a = 0; a < 12; ++a) {
    for (int b = a + 1; b < 12; ++b) EXPECT_GT(cv::norm(class_colour(a) - class_colour(b)), 45) << a << " and " << b;
  }
}

TEST(DrawTest, TilesStandInRowsWithTheirPixels) {
  const cv::Mat red(10, 20, CV_8UC3, cv::Scalar(255, 0, 0)), blue(12, 16, CV_8UC3, cv::Scalar(0, 0, 255));
  const cv::Mat sheet = tile_pictures({{red, ""}, {blue, ""}, {red, ""}}, 2, 4);
  EXPECT_EQ(sheet.size(), cv::Size(2 * 24 + 4, 2 * 16 + 4));
  EXPECT_EQ(sheet.at<cv::Vec3b>(4, 4), cv::Vec3b(255, 0, 0));
  EXPECT_EQ(sheet.at<cv::Vec3b>(4, 28), cv::Vec3b(0, 0, 255));
  EXPECT_EQ(sheet.at<cv::Vec3b>(20, 4), cv::Vec3b(255, 0, 0));
  EXPECT_TRUE(tile_pictures({}, 2).empty());
}

TEST(DrawTest, HeatIsStrongestWhereItIsHigh) {
  const cv::Mat rgb(40, 80, CV_8UC3, cv::Scalar(100, 100, 100));
  const cv::Mat heat = (cv::Mat_<float>(1, 2) << 0, 5);
  const cv::Mat result = heat_overlay(rgb, heat, 0, 5);
  ASSERT_EQ(result.size(), rgb.size());
  EXPECT_EQ(result.at<cv::Vec3b>(20, 2), cv::Vec3b(100, 100, 100));
  EXPECT_GT(cv::norm(result.at<cv::Vec3b>(20, 77), cv::Vec3b(100, 100, 100)), 80);
}

}  // namespace
}  // namespace skylift
