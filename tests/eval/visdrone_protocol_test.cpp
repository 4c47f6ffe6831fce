#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"
#include "skylift/core/error.h"
#include "skylift/eval/evaluation.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

const std::vector<std::string> four_classes = {"pedestrian", "people", "bicycle", "car"};
const std::vector<std::string> uavdt_names = {"car", "truck", "bus"};
constexpr int pedestrian = 0, car = 3, of_no_class = -1;

EvalResult visdrone(const Scene& scene, EvalOptions options = {}) {
  options.protocol = "visdrone";
  return evaluate(scene.truth, scene.detections, options);
}

/// Three images made for this protocol; the expected numbers come from an independent script, AP50 from a hand
/// calculation.
Scene golden_scene() {
  Scene scene(four_classes, "visdrone");
  scene.image(100, 80);
  scene.object({10, 10, 20, 20}, car).object({50, 10, 20, 10}, car).region({60, 50, 30, 25});
  scene.object({65, 55, 10, 10}, pedestrian).object({10, 50, 10, 20}, pedestrian);
  scene.found({11, 10, 20, 20}, .9, car).found({52, 11, 20, 10}, .8, car).found({66, 55, 10, 10}, .7, pedestrian);
  scene.found({10, 52, 10, 20}, .6, pedestrian).found({80, 10, 10, 10}, .5, car);
  scene.image(100, 80).object({20, 20, 20, 20}, car).ignored({60, 20, 20, 20}, car);
  scene.found({62, 22, 10, 10}, .95, car).found({20, 21, 20, 20}, .85, car).found({22, 50, 10, 10}, .4, pedestrian);
  scene.image(100, 80).object({30, 30, 16, 16}, car).ignored({5, 5, 10, 10}, of_no_class);
  scene.found({30, 30, 16, 16}, .75, car).found({5, 5, 10, 10}, .7, of_no_class).found({34, 34, 16, 16}, .3, car);
  return scene;
}

TEST(VisdroneProtocol, GoldenSceneGivesTheToolkitsNumbers) {
  const auto result = visdrone(golden_scene());
  EXPECT_NEAR(result.means.ap, .625, 1e-6);
  EXPECT_NEAR(result.means.ap50, .85, 1e-6);
  EXPECT_NEAR(result.means.ap75, .6625, 1e-6);
  EXPECT_THAT(result.means.ar, Pointwise(DoubleNear(1e-6), {.285, .655, .655, .655}));
  EXPECT_NEAR(result.uniform.ap, .65, 1e-6);
  EXPECT_NEAR(result.uniform.ap50, .9, 1e-6);
  EXPECT_NEAR(result.uniform.ap75, .775, 1e-6);
  EXPECT_THAT(result.uniform.ar, Pointwise(DoubleNear(1e-6), {.19, .67, .67, .67}));
  EXPECT_THAT(result.max_dets, ElementsAre(1, 10, 100, 500));
  EXPECT_NEAR(result.per_class[car].ap50, .8, 1e-6);
  EXPECT_EQ(result.per_class[car].ground_truths, 4);
  EXPECT_EQ(result.per_class[pedestrian].ground_truths, 1);  // the other lies in the region
  EXPECT_EQ(result.per_class[1].ap, -1);
}

TEST(VisdroneProtocol, UniformAverageMayBeTheHeadline) {
  EvalOptions options;
  options.class_average = "uniform";
  EXPECT_NEAR(visdrone(golden_scene(), options).means.ap50, .9, 1e-6);
}

TEST(VisdroneProtocol, IgnoredObjectsMayLeaveTheDenominator) {
  EvalOptions options;
  options.count_ignored_in_recall = false;
  EXPECT_NEAR(visdrone(golden_scene(), options).per_class[car].ap50, 1.0, 1e-6);
}

TEST(VisdroneProtocol, LimitsAreOnRowsOfAllClassesByScoreWhateverTheirOrder) {
  Scene scene(four_classes, "visdrone");
  scene.image().object({10, 10, 20, 20}, car).object({50, 50, 20, 20}, pedestrian);
  scene.found({10, 10, 20, 20}, .5, car).found({80, 0, 9, 9}, .7, of_no_class).found({50, 50, 20, 20}, .9, pedestrian);
  EvalOptions options;
  options.max_dets = {3, 1, 2};
  const auto result = visdrone(scene, options);
  EXPECT_THAT(result.max_dets, ElementsAre(1, 2, 3));
  EXPECT_THAT(result.means.ar, ElementsAre(.5, .5, 1));  // the row of no class takes the second place
}

TEST(VisdroneProtocol, AnIgnoredObjectExcusesAnyNumberOfDetections) {
  Scene scene(four_classes, "visdrone");
  scene.image().object({0, 0, 10, 10}).ignored({50, 50, 40, 40});
  for (int i = 0; i < 5; ++i) scene.found({52.0 + i, 52, 8, 8}, .9);
  scene.found({0, 0, 10, 10}, .1);
  EXPECT_DOUBLE_EQ(visdrone(scene).means.ap, .5);  // recall stops at 1 of 2, at full precision
}

TEST(VisdroneProtocol, ClassWithoutDetectionsCountsAsZero) {
  Scene scene(four_classes, "visdrone");
  scene.image().object({0, 0, 10, 10}, car).found({0, 0, 10, 10}, .5, car);
  scene.image().object({0, 0, 10, 10}, pedestrian);
  EXPECT_DOUBLE_EQ(visdrone(scene).means.ap, .5);
}

TEST(VisdroneProtocol, NothingToFindIsUndefined) {
  Scene scene(four_classes, "visdrone");
  scene.image().found({0, 0, 10, 10}, .5, car);
  EXPECT_EQ(visdrone(scene).means.ap, -1);
  EXPECT_EQ(evaluate(Scene(four_classes).truth, {}, {.protocol = "visdrone"}).means.ap, -1);
}

TEST(VisdroneProtocol, RegionsNeedTheImageSize) {
  Scene scene(four_classes, "visdrone");
  scene.image(0, 0).object({0, 0, 10, 10}, car);
  EXPECT_NO_THROW(visdrone(scene));
  scene.region({50, 50, 10, 10});
  EXPECT_THAT(error_of([&] { visdrone(scene); }), ::testing::AllOf(HasSubstr("1.jpg"), HasSubstr("size")));
}

TEST(UavdtProtocol, IsClassAgnosticAtSevenTenths) {
  Scene scene(uavdt_names, "uavdt");
  scene.image().object({10, 10, 20, 20}, 0).object({60, 60, 20, 20}, 2);
  scene.found({10, 10, 20, 20}, .9, 1);  // another class: right all the same
  scene.found({62, 62, 20, 20}, .8, 2);  // IoU 0.68
  auto result = evaluate(scene.truth, scene.detections, {.protocol = "uavdt"});
  EXPECT_DOUBLE_EQ(result.means.ap, .5);
  EXPECT_DOUBLE_EQ(result.means.ap50, 1);
  EXPECT_DOUBLE_EQ(result.per_class[0].ap50, 0);
  EXPECT_DOUBLE_EQ(result.per_class[2].ap50, 1);
  EXPECT_TRUE(result.means.ar.empty());
  EXPECT_THROW(evaluate(scene.truth, scene.detections, {.protocol = "uavdt", .max_dets = {100}}), Error);
}

TEST(UavdtProtocol, DropsOnlyWhatLiesStrictlyInsideARegion) {
  Scene scene(uavdt_names, "uavdt");
  scene.image().object({10, 10, 20, 20}).region({50, 50, 30, 30});
  scene.found({51, 51, 10, 10}, .9).found({10, 10, 20, 20}, .5);
  EXPECT_DOUBLE_EQ(evaluate(scene.truth, scene.detections, {.protocol = "uavdt"}).means.ap, 1);
  scene.found({50, 51, 10, 10}, .8);  // touches the edge: a false alarm before the hit
  EXPECT_DOUBLE_EQ(evaluate(scene.truth, scene.detections, {.protocol = "uavdt"}).means.ap, .5);
}

}  // namespace
}  // namespace skylift
