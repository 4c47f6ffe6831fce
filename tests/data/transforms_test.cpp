#include "skylift/data/transforms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/error.h"
#include "skylift/data/geometry.h"
#include "skylift/data/sample_source.h"
#include "tests/data/sets.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

/// A white object on black, its box, and an ignored region: what the pixels show can be compared with what the boxes
/// say.
Sample white_box_sample() {
  Sample sample;
  sample.rgb = cv::Mat(200, 300, CV_8UC3, cv::Scalar::all(0));
  sample.rgb(cv::Rect(120, 60, 40, 20)).setTo(cv::Scalar::all(255));
  sample.boxes = {{{120, 60, 160, 80}, 4}};
  sample.ignored = {{10, 10, 50, 50}};
  sample.geometry = {300, 200, 300, 200};
  return sample;
}

BoxXyxy extent_of_white(const cv::Mat& rgb) {
  cv::Mat grey;
  cv::extractChannel(rgb, grey, 0);
  std::vector<cv::Point> points;
  cv::findNonZero(grey > 127, points);
  float left = 1e9F, top = 1e9F, right = 0, bottom = 0;
  for (const auto& point : points) {
    left = std::min(left, float(point.x));
    right = std::max(right, float(point.x + 1));
    top = std::min(top, float(point.y));
    bottom = std::max(bottom, float(point.y + 1));
  }
  return {left, top, right, bottom};
}

void expect_near(const BoxXyxy& actual, const BoxXyxy& expected, float tolerance) {
  EXPECT_THAT(values(actual), Pointwise(FloatNear(tolerance), values(expected)));
}

/// Boxes, pixels and geometry tell the same story.
void expect_consistent(const Sample& sample) {
  EXPECT_EQ(sample.geometry.content_width, sample.rgb.cols);
  EXPECT_EQ(sample.geometry.content_height, sample.rgb.rows);
  ASSERT_EQ(sample.boxes.size(), 1U);
  expect_near(sample.boxes[0].box, extent_of_white(sample.rgb), 0.8F);
}

TEST(TransformsTest, ResizeMovesBoxesWithThePixels) {
  const Sample sample = resize_sample(white_box_sample(), {451, 150});
  expect_consistent(sample);
  expect_near(sample.ignored[0], {10 * 451 / 300.F, 7.5F, 50 * 451 / 300.F, 37.5F}, 1e-4F);
  expect_near(to_original(sample.geometry, sample.boxes[0].box), {120, 60, 160, 80}, 1e-4F);
}

TEST(TransformsTest, KeepRatioFollowsThePreprocessing) {
  Preprocess preprocess;
  preprocess.long_side = 600;
  preprocess.short_side = 600;
  EXPECT_EQ(resize_keep_ratio(white_box_sample(), preprocess).rgb.size(), cv::Size(600, 400));
  EXPECT_EQ(resize_keep_ratio(white_box_sample(), preprocess, 0.5).rgb.size(), cv::Size(300, 200));
}

TEST(TransformsTest, FlipMirrorsBoxesWithThePixels) {
  const Sample sample = flip_left_right(white_box_sample());
  expect_consistent(sample);
  EXPECT_THAT(values(sample.boxes[0].box), ElementsAre(140, 60, 180, 80));
  EXPECT_THAT(values(sample.ignored[0]), ElementsAre(250, 10, 290, 50));
  expect_near(to_original(sample.geometry, sample.boxes[0].box), {120, 60, 160, 80}, 0);
}

TEST(TransformsTest, CropClipsAndShifts) {
  const Sample sample = crop(white_box_sample(), {30, 30, 110, 100}, 0.3);
  expect_consistent(sample);
  EXPECT_THAT(values(sample.boxes[0].box), ElementsAre(90, 30, 110, 50));  // the left half is visible
  ASSERT_EQ(sample.ignored.size(), 1U);
  EXPECT_THAT(values(sample.ignored[0]), ElementsAre(0, 0, 20, 20));
  expect_near(to_original(sample.geometry, sample.boxes[0].box), {120, 60, 140, 80}, 0);
}

TEST(TransformsTest, ObjectsCutToASliverAreIgnoredNotBackground) {
  const Sample sliver = crop(white_box_sample(), {60, 0, 70, 200}, 0.3);  // a quarter is visible
  EXPECT_TRUE(sliver.boxes.empty());
  ASSERT_EQ(sliver.ignored.size(), 1U) << "the ignored region itself lies outside";
  EXPECT_THAT(values(sliver.ignored[0]), ElementsAre(60, 60, 70, 80));
  EXPECT_EQ(crop(white_box_sample(), {60, 0, 70, 200}, 0.25).boxes.size(), 1U) << "the limit itself is visible enough";
  const Sample gone = crop(white_box_sample(), {200, 100, 50, 50}, 0.3);
  EXPECT_TRUE(gone.boxes.empty());
  EXPECT_TRUE(gone.ignored.empty());
}

TEST(TransformsTest, AnyChainOfTransformsIsUndoneByTheGeometry) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Sample sample = white_box_sample();
    sample = crop(std::move(sample), {{int(rng.index(20)), int(rng.index(20))}, cv::Size(250, 150)}, 0);
    sample = resize_sample(std::move(sample), {200 + int(rng.index(300)), 150 + int(rng.index(200))});
    sample = crop(std::move(sample),
                  {{int(rng.index(10)), int(rng.index(10))}, cv::Size(sample.rgb.cols - 12, sample.rgb.rows - 12)}, 0);
    if (rng.chance(0.5)) sample = flip_left_right(std::move(sample));
    if (rng.chance(0.5)) sample = resize_sample(std::move(sample), {400, 300});
    ASSERT_EQ(sample.boxes.size(), 1U);
    const BoxXyxy box = sample.boxes[0].box;
    expect_near(to_original(sample.geometry, box), {120, 60, 160, 80}, 1e-3F);
    expect_near(from_original(sample.geometry, {120, 60, 160, 80}), box, 1e-3F);
    expect_near(box, extent_of_white(sample.rgb), 1.5F);
  }
}

TEST(TransformsTest, WindowsLieInsideAndReachEveryCorner) {
  Rng rng(3);
  int least = 1000, most = 0;
  for (int i = 0; i < 300; ++i) {
    const cv::Rect window = random_window({10, 8}, {4, 20}, rng);
    EXPECT_EQ(window.size(), cv::Size(4, 8));
    EXPECT_EQ(window.y, 0);
    least = std::min(least, window.x);
    most = std::max(most, window.x);
  }
  EXPECT_EQ(least, 0);
  EXPECT_EQ(most, 6);
}

TEST(TransformsTest, WindowsAtObjectsCoverTheirCentre) {
  Rng rng(5);
  Sample sample = white_box_sample();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(random_window_at_object(sample, {50, 50}, rng).contains({140, 70}));
  sample.boxes.clear();
  EXPECT_EQ(random_window_at_object(sample, {50, 50}, rng).size(), cv::Size(50, 50));
}

TEST(TransformsTest, ColoursAreUnchangedAtZeroStrengthAndBoxesAlways) {
  Sample sample;
  sample.rgb = noise_picture(30, 20, 9);
  sample.boxes = {{{1, 2, 3, 4}, 0}};
  AugmentOptions options;
  Rng rng(1);
  const Sample changed = change_colours(sample, options, rng);
  EXPECT_GT(cv::norm(changed.rgb, sample.rgb, cv::NORM_INF), 3);
  EXPECT_THAT(values(changed.boxes[0].box), ElementsAre(1, 2, 3, 4));
  options.brightness = options.contrast = options.saturation = options.hue = 0;
  EXPECT_EQ(cv::norm(change_colours(sample, options, rng).rgb, sample.rgb, cv::NORM_INF), 0);
}

TEST(TransformsTest, HueTurnsColoursAndKeepsGrey) {
  AugmentOptions options;
  options.brightness = options.contrast = options.saturation = 0;
  options.hue = 0.1;
  Sample sample;
  sample.rgb = (cv::Mat_<cv::Vec3b>(1, 2) << cv::Vec3b(120, 120, 120), cv::Vec3b(180, 80, 80));
  Rng rng(2);
  const cv::Mat rgb = change_colours(sample, options, rng).rgb;
  EXPECT_EQ(rgb.at<cv::Vec3b>(0, 0), cv::Vec3b(120, 120, 120));
  const auto red = rgb.at<cv::Vec3b>(0, 1);
  EXPECT_NEAR(red[0] + red[1] + red[2], 340, 2);
  EXPECT_NE(red[1], red[2]);
}

TEST(PipelineTest, TrainingSamplesAreRepeatableAndMapBack) {
  AugmentOptions augment;
  augment.tile_px = 150;
  augment.crop_px = 128;
  augment.photometric = 0;
  augment.tile_at_object = 1;
  Preprocess preprocess;
  preprocess.long_side = preprocess.short_side = 160;
  int with_object = 0, flipped = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Sample sample = training_sample(white_box_sample(), augment, preprocess, Rng(seed));
    const Sample again = training_sample(white_box_sample(), augment, preprocess, Rng(seed));
    EXPECT_EQ(cv::norm(sample.rgb, again.rgb, cv::NORM_INF), 0);
    EXPECT_LE(sample.rgb.cols, 128);
    flipped += sample.geometry.flipped;
    with_object += !sample.boxes.empty();
    for (const auto& object : sample.boxes) {
      const BoxXyxy back = to_original(sample.geometry, object.box);
      EXPECT_GE(back.x1, 120 - 1e-2);
      EXPECT_LE(back.x2, 160 + 1e-2);
      expect_near(object.box, extent_of_white(sample.rgb), 1.5F);
    }
  }
  EXPECT_GT(with_object, 60);
  EXPECT_GT(flipped, 30);
  EXPECT_LT(flipped, 70);
}

TEST(PipelineTest, EvaluationOnlyResizes) {
  const Sample sample = evaluation_sample(white_box_sample(), Preprocess{});
  EXPECT_EQ(sample.rgb.size(), cv::Size(1200, 800));
  expect_consistent(sample);
}

TEST(PipelineTest, CrossedScaleLimitsAreAnError) {
  const TestFolder folder("pipeline");
  const Dataset dataset(write_small_set(folder.path, 1), {});
  DataOptions options;
  options.augment.scale_min = 2;
  EXPECT_THROW(training_source(dataset, options), Error);
}

}  // namespace
}  // namespace skylift
