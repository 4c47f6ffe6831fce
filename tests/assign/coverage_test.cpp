#include "skylift/assign/coverage.h"

#include <gtest/gtest.h>

namespace skylift {
namespace {

/// The three boxes of the reference case for ATSS: the second is too small for any location's centre.
AnnotationSet reference_set() {
  ImageRecord image;
  image.width = image.height = 128;
  image.objects = {{.box = {10, 10, 20, 24}}, {.box = {33, 41, 4, 3}}, {.box = {20, 16, 104, 96}}};
  AnnotationSet set;
  set.classes = {"car"};
  set.images = {image};
  return set;
}

int64_t uncovered(const std::vector<SizeCoverage>& ranges) {
  int64_t sum = 0;
  for (const SizeCoverage& range : ranges) sum += range.uncovered;
  return sum;
}

TEST(Coverage, AnObjectSmallerThanACellMayHaveNoLocation) {
  const Preprocess same_size{.long_side = 128, .short_side = 128};
  const auto ranges = anchor_coverage(reference_set(), same_size, {8, 16, 32, 64}, {});
  ASSERT_EQ(ranges.size(), 5U);
  EXPECT_EQ(ranges[0].objects, 1);
  EXPECT_EQ(ranges[0].uncovered, 1);
  EXPECT_EQ(ranges[2].objects, 1);
  EXPECT_EQ(ranges[4].objects, 1);
  EXPECT_EQ(uncovered(ranges), 1);
}

TEST(Coverage, ALargerInputOrAFinerLevelCoversMore) {
  EXPECT_EQ(uncovered(anchor_coverage(reference_set(), {.long_side = 512, .short_side = 512}, {8, 16, 32, 64}, {})), 0);
  EXPECT_EQ(uncovered(anchor_coverage(reference_set(), {.long_side = 128, .short_side = 128}, {2, 8, 16, 32}, {})), 0);
}

TEST(Coverage, WhatIsNotTrainedIsNotCounted) {
  AnnotationSet set = reference_set();
  set.images[0].objects[0].ignored = true;
  set.images[0].objects[1].crowd = true;
  set.images[0].objects[2].class_index = -1;
  for (const SizeCoverage& range : anchor_coverage(set, {}, {8, 16}, {})) EXPECT_EQ(range.objects, 0);
  set.images[0].width = 0;
  EXPECT_EQ(uncovered(anchor_coverage(set, {}, {8, 16}, {})), 0);
}

}  // namespace
}  // namespace skylift
