#include "skylift/eval/error_breakdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"
#include "skylift/core/error.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ErrorBreakdown errors_of(const Scene& scene, const ErrorOptions& options = {}) {
  return break_down_errors(scene.truth, scene.detections, options);
}

int64_t count(const ErrorBreakdown& errors, ErrorKind kind) { return errors.all[static_cast<size_t>(kind)].count; }
double lost(const ErrorBreakdown& errors, ErrorKind kind) { return errors.all[static_cast<size_t>(kind)].lost_ap; }

/// One object that is hit, and one detection more.
Scene with(BoxXywh box, int class_index, double score = .95) {
  Scene scene({"car", "bus"});
  scene.image().object({10, 10, 20, 20}).found({10, 10, 20, 20}, .9).found(box, score, class_index);
  return scene;
}

TEST(Errors, EachFalsePositiveHasOneReason) {
  const auto kind_of = [](const Scene& scene) {
    const auto errors = errors_of(scene).images.at(0);
    return errors.size() == 1 ? name_of(errors[0].kind) : "not one error";
  };
  EXPECT_STREQ(kind_of(with({60, 60, 20, 20}, 0)), "background");
  EXPECT_STREQ(kind_of(with({11, 10, 20, 20}, 0, .5)), "duplicate");
  EXPECT_STREQ(kind_of(with({20, 10, 20, 20}, 0)), "localisation");  // IoU 1/3
  EXPECT_STREQ(kind_of(with({11, 10, 20, 20}, 1)), "classification");
  EXPECT_STREQ(kind_of(with({20, 10, 20, 20}, 1)), "both");
}

TEST(Errors, MendingTheClassWinsTheObject) {
  Scene scene({"car", "bus"});
  scene.image().object({10, 10, 20, 20}, 0).found({10, 10, 20, 20}, .9, 1);
  scene.object({50, 50, 40, 40}, 1).found({50, 50, 40, 40}, .8, 1);
  const auto errors = errors_of(scene);
  EXPECT_EQ(count(errors, ErrorKind::classification), 1);
  EXPECT_EQ(count(errors, ErrorKind::missed), 0);  // the mended detection would hit it
  EXPECT_DOUBLE_EQ(errors.ap, .25);                // car 0, bus 1/2
  EXPECT_DOUBLE_EQ(lost(errors, ErrorKind::classification), .75);
  EXPECT_DOUBLE_EQ(errors.by_size[0][0].lost_ap, .75);
  EXPECT_DOUBLE_EQ(errors.by_size[1][0].lost_ap, 0);
  EXPECT_EQ(errors.false_negatives.count, 1);
  EXPECT_EQ(errors.false_positives.count, 1);
}

TEST(Errors, AMissedObjectIsNamed) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).object({50, 50, 40, 40}).found({10, 10, 20, 20}, .9);
  const auto errors = errors_of(scene);
  ASSERT_EQ(errors.images.at(0).size(), 1U);
  EXPECT_EQ(errors.images[0][0].kind, ErrorKind::missed);
  EXPECT_EQ(errors.images[0][0].detection, -1);
  EXPECT_EQ(errors.images[0][0].object, 1);
  EXPECT_NEAR(lost(errors, ErrorKind::missed), 50 / 101., 1e-12);
  EXPECT_NEAR(errors.by_size[1][5].lost_ap, 50 / 101., 1e-12);
}

TEST(Errors, WhatIsIgnoredExcusesAndIsNotMissed) {
  Scene scene = with({60, 60, 10, 10}, 0);
  scene.ignored({55, 55, 30, 30});
  EXPECT_TRUE(errors_of(scene).images[0].empty());
  scene = with({60, 60, 10, 10}, 0);
  scene.region({55, 55, 30, 30});
  EXPECT_TRUE(errors_of(scene).images[0].empty());
  scene = with({60, 60, 10, 10}, 0);
  scene.crowd({55, 55, 30, 30}, 1);  // of another class: no excuse
  EXPECT_EQ(count(errors_of(scene), ErrorKind::background), 1);
}

TEST(Errors, NothingAtAllLosesNothing) {
  const auto errors = errors_of(Scene({"car"}).image());
  EXPECT_EQ(errors.ap, 0);
  for (const auto& share : errors.all) EXPECT_EQ(share.lost_ap, 0);
  EXPECT_THAT(to_text(errors), HasSubstr("localisation"));
  EXPECT_THROW(break_down_errors(Scene({"car"}).image().truth, {}), Error);
}

TEST(Confusion, CountsPairsFalseAlarmsAndMisses) {
  Scene scene({"car", "bus"});
  scene.image().object({10, 10, 20, 20}, 0).object({50, 50, 20, 20}, 0).object({10, 60, 20, 20}, 1);
  scene.found({10, 10, 20, 20}, .9, 0)
      .found({50, 50, 20, 20}, .8, 1)
      .found({80, 0, 9, 9}, .7, 1)
      .found({10, 60, 20, 20}, .1, 1);
  const auto confusion = count_confusions(scene.truth, scene.detections, .3);
  EXPECT_THAT(confusion.names, ElementsAre("car", "bus", "background"));
  EXPECT_THAT(confusion.counts, ElementsAre(1, 1, 0,    // cars: one seen, one taken for a bus
                                            0, 0, 1,    // the bus is missed at this score
                                            0, 1, 0));  // a bus where nothing is
  EXPECT_EQ(count_confusions(scene.truth, scene.detections, 0).at(1, 1), 1);
}

}  // namespace
}  // namespace skylift
