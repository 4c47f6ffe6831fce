#include "skylift/synth/synth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/synth/scene.h"
#include "tests/data/sets.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

SynthOptions small_options() {
  SynthOptions options;
  options.width = 320;
  options.height = 256;
  options.seed = 4;
  return options;
}

TEST(SynthTest, ScenesDependOnSeedAndIndexOnly) {
  SynthOptions options = small_options();
  const SynthScene scene = draw_scene(options, 3), again = draw_scene(options, 3), other = draw_scene(options, 4);
  EXPECT_EQ(cv::norm(scene.rgb, again.rgb, cv::NORM_INF), 0);
  EXPECT_EQ(scene.record.objects.size(), again.record.objects.size());
  EXPECT_GT(cv::norm(scene.rgb, other.rgb, cv::NORM_INF), 50);
  options.seed = 5;
  EXPECT_GT(cv::norm(scene.rgb, draw_scene(options, 3).rgb, cv::NORM_INF), 50);
}

TEST(SynthTest, BoxesLieInTheImageAndClassesAreImbalanced) {
  std::vector<int> count(synth_classes().size());
  int regions = 0, occluded = 0, truncated = 0;
  for (int64_t index = 0; index < 40; ++index) {
    const SynthScene scene = draw_scene(small_options(), index);
    EXPECT_EQ(scene.record.width, 320);
    EXPECT_EQ(scene.record.height, 256);
    for (const auto& object : scene.record.objects) {
      ASSERT_GE(object.class_index, 0);
      ++count.at(static_cast<size_t>(object.class_index));
      occluded += object.occlusion > 0;
      truncated += object.truncation > 0;
      EXPECT_GE(object.box.x, 0);
      EXPECT_GE(object.box.y, 0);
      EXPECT_LE(object.box.x + object.box.w, 320);
      EXPECT_LE(object.box.y + object.box.h, 256);
      EXPECT_GE(object.box.w, 1);
      EXPECT_GE(object.box.h, 1);
    }
    regions += static_cast<int>(scene.record.ignored_regions.size());
  }
  for (size_t i = 0; i < count.size(); ++i) EXPECT_GT(count[i], 0) << synth_classes()[i];
  EXPECT_GT(count[2], 5 * count[5]) << "many cars, few buses";
  EXPECT_GT(regions, 0);
  EXPECT_GT(occluded, 0);
  EXPECT_GT(truncated, 0);
}

TEST(SynthTest, DensityScalesTheNumberOfObjects) {
  SynthOptions sparse = small_options(), dense = small_options();
  sparse.density = 0.2;
  dense.density = 1.5;
  size_t few = 0, many = 0;
  for (int64_t index = 0; index < 10; ++index) {
    few += draw_scene(sparse, index).record.objects.size();
    many += draw_scene(dense, index).record.objects.size();
  }
  EXPECT_GT(many, 2 * few);
  EXPECT_GT(few, 0U);
}

TEST(SynthTest, TinyImagesAreAnError) {
  SynthOptions options;
  options.width = 40;
  EXPECT_THROW(draw_scene(options, 0), Error);
}

/// A scene by hand: a camera straight down on bare ground, without shadows, where 4.4 m are 44 px.
class SynthPaintTest : public ::testing::Test {
 protected:
  SynthPaintTest() {
    scene.camera.height_m = 30;
    scene.camera.focal_px = 300;
    scene.camera.size = {200, 160};
    scene.light.to_sun = {0, 0, 1};
    scene.light.shadow = 0;
  }
  synth::Thing& add(synth::Kind kind, double x, double y, const synth::Vec3& size) {
    synth::Thing thing;
    thing.kind = kind;
    thing.frame = {{x, y}, 0};
    thing.size = size;
    thing.colour = {240, 30, 30};
    return scene.things.emplace_back(thing);
  }
  ImageRecord record() {
    Rng rng(1);
    return synth::paint(scene, rng).record;
  }
  synth::Scene scene;
};

TEST_F(SynthPaintTest, TheBoxEnclosesWhatWasPainted) {
  Rng same(1), rng(1);
  const cv::Mat empty = synth::paint(scene, same).rgb;
  add(synth::Kind::car, 3, -2, {4.4, 1.8, 1.4});
  const SynthScene with = synth::paint(scene, rng);
  ASSERT_EQ(with.record.objects.size(), 1U);
  const BoxXywh box = with.record.objects[0].box;
  EXPECT_NEAR(box.x, 100 + 30 - 22, 2);  // 10 px a metre on the ground, a little more on the roof
  EXPECT_NEAR(box.y, 80 + 20 - 9, 2);
  EXPECT_NEAR(box.w, 44, 3);
  EXPECT_NEAR(box.h, 18, 3);
  cv::Mat difference;
  cv::absdiff(with.rgb, empty, difference);
  cv::cvtColor(difference, difference, cv::COLOR_RGB2GRAY);
  const cv::Rect changed = cv::boundingRect(difference > 25);
  EXPECT_NEAR(changed.x, box.x, 2);
  EXPECT_NEAR(changed.y, box.y, 2);
  EXPECT_NEAR(changed.br().x, box.x + box.w, 2);
  EXPECT_NEAR(changed.br().y, box.y + box.h, 2);
}

TEST_F(SynthPaintTest, OcclusionFollowsWhatIsVisible) {
  add(synth::Kind::car, 0, 0, {4.4, 1.8, 1.4});
  EXPECT_EQ(record().objects.at(0).occlusion, 0);
  auto& deck = add(synth::Kind::deck, 3, 0, {4, 8, 1});  // covers x from 1 on: a quarter of the car and more
  deck.base_m = 3;
  EXPECT_EQ(record().objects.at(0).occlusion, 1);
  scene.things.back().frame.at = {1.6, 0};
  EXPECT_EQ(record().objects.at(0).occlusion, 2);
  scene.things.back().frame.at = {0, 0};
  scene.things.back().size = {8, 8, 1};
  EXPECT_TRUE(record().objects.empty()) << "nobody can see it";
}

TEST_F(SynthPaintTest, WhatTheFrameCutsIsTruncatedOrLeftOut) {
  add(synth::Kind::car, 9.5, 0, {4.4, 1.8, 1.4});  // the right edge is at 10 m
  const auto objects = record().objects;
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].truncation, 1);
  EXPECT_EQ(objects[0].box.x + objects[0].box.w, 200);
  scene.things[0].frame.at = {11.5, 0};
  EXPECT_TRUE(record().objects.empty());
}

TEST_F(SynthPaintTest, IgnoredRegionsHaveNoBoxes) {
  add(synth::Kind::car, 0, 0, {4.4, 1.8, 1.4}).annotated = false;
  scene.ignored = {{{-3, -2}, {3, -2}, {3, 2}, {-3, 2}}};
  const auto found = record();
  EXPECT_TRUE(found.objects.empty());
  ASSERT_EQ(found.ignored_regions.size(), 1U);
  EXPECT_NEAR(found.ignored_regions[0].x, 68, 3);
  EXPECT_NEAR(found.ignored_regions[0].w, 64, 6);
}

TEST(SynthWriteTest, BothFormatsReadBackTheSame) {
  const TestFolder folder("synth");
  const SynthOptions options = small_options();
  const AnnotationSet coco = write_scenes(options, 3, folder.path / "coco", "coco");
  write_scenes(options, 3, folder.path / "visdrone", "visdrone");
  const AnnotationSet from_coco = open_data((folder.path / "coco" / "annotations.json").string());
  const AnnotationSet from_visdrone = open_data((folder.path / "visdrone").string());
  ASSERT_EQ(from_coco.images.size(), 3U);
  ASSERT_EQ(from_visdrone.images.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const auto &a = from_coco.images[i].objects, &b = from_visdrone.images[i].objects, &c = coco.images[i].objects;
    ASSERT_EQ(a.size(), c.size());
    ASSERT_EQ(b.size(), c.size());
    for (size_t k = 0; k < a.size(); ++k) {
      EXPECT_EQ(a[k].box, b[k].box);
      EXPECT_EQ(from_coco.classes[size_t(a[k].class_index)], from_visdrone.classes[size_t(b[k].class_index)]);
    }
    EXPECT_EQ(from_coco.images[i].ignored_regions, from_visdrone.images[i].ignored_regions);
    EXPECT_EQ(decode_rgb(from_visdrone.image_path(from_visdrone.images[i])).size(), cv::Size(320, 256));
  }
}

TEST(SynthWriteTest, NeverOverwritesAndKnowsItsFormats) {
  const TestFolder folder("synth_again");
  const SynthOptions options = small_options();
  EXPECT_THROW(write_scenes(options, 1, folder.path, "voc"), Error);
  EXPECT_THROW(write_scenes(options, 0, folder.path, "coco"), Error);
  write_scenes(options, 1, folder.path, "coco");
  EXPECT_THAT(error_of([&] { write_scenes(options, 1, folder.path, "coco"); }), HasSubstr("already holds files"));
  std::filesystem::remove_all(folder.path / "images");  // a set's annotations alone are somebody's work, too
  EXPECT_THAT(error_of([&] { write_scenes(options, 1, folder.path, "coco"); }), HasSubstr("annotations.json: already"));
  write_file(folder.path / "visdrone/annotations/000000.txt", "1,1,2,2,1,4,0,0\n");
  EXPECT_THAT(error_of([&] { write_scenes(options, 1, folder.path / "visdrone", "visdrone"); }),
              HasSubstr("annotations: already holds"));
  EXPECT_FALSE(std::filesystem::exists(folder.path / "visdrone/images"));
}

}  // namespace
}  // namespace skylift
