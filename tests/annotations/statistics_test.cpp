#include "skylift/annotations/statistics.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(StatisticsTest, HistogramCountsHalfOpenIntervals) {
  Histogram histogram({0, 10, 20});
  for (const double value : {0.0, 9.999, 10.0, 19.0, 20.0, 1e9, -5.0}) histogram.add(value);
  EXPECT_THAT(histogram.counts, ElementsAre(3, 2, 2));
}

TEST(StatisticsTest, CoveredAreaCountsOverlapsOnceAndClips) {
  EXPECT_EQ(covered_area({}, 100, 100), 0);
  EXPECT_EQ(covered_area({{10, 10, 20, 30}}, 100, 100), 600);
  EXPECT_EQ(covered_area({{10, 10, 20, 30}, {10, 10, 20, 30}, {20, 20, 20, 30}}, 100, 100), 600 + 600 - 10 * 20);
  EXPECT_EQ(covered_area({{-10, -10, 20, 20}, {95, 0, 50, 500}}, 100, 100), 100 + 500);
  EXPECT_EQ(covered_area({{200, 200, 5, 5}}, 100, 100), 0);
}

AnnotationSet small_set() {
  AnnotationSet set;
  set.classes = {"car", "bus"};
  set.class_ids = {1, 2};
  ImageRecord a{"a", 1, 100, 100, {}, {{0, 0, 50, 50}}}, b{"b", 2, 0, 0, {}, {}}, c{"c", 3, 100, 100, {}, {}};
  a.objects = {Object{{0, 0, 10, 20}, 0, 1, 2, false, false, true, -1, 0},
               Object{{0, 0, 40, 40}, 0, 0, 0, false, false, false, 9216, 0},
               Object{{0, 0, 40, 40}, 0, 0, 0, true, false, false, -1, 0},
               Object{{0, 0, 40, 40}, 1, 0, 0, false, true, false, -1, 0},
               Object{{0, 0, 40, 40}, -1, 0, 0, false, false, false, -1, 0}};
  b.objects = {Object{{0, 0, 40, 40}, 1, 0, 0, false, false, false, -1, 0},
               Object{{0, 0, 0, 40}, 1, 0, 0, false, false, false, -1, 0}};
  set.images = {a, b, c};
  return set;
}

TEST(StatisticsTest, CountsByClassSizeAndFlag) {
  const DataStatistics s = data_statistics(small_set());
  EXPECT_EQ(s.images, 3);
  EXPECT_EQ(s.images_without_objects, 1);
  EXPECT_EQ(s.images_without_size, 1);
  EXPECT_EQ(s.objects, 4);
  EXPECT_EQ(s.others, 1);
  EXPECT_EQ(s.degenerate, 1);
  EXPECT_EQ(s.ignored_regions, 1);
  EXPECT_DOUBLE_EQ(s.ignored_share, 0.125);  // a quarter of one of two images of known size
  const ClassStatistics &car = s.classes[0], &bus = s.classes[1];
  EXPECT_EQ(car.objects, 2);
  EXPECT_EQ(car.images, 1);
  EXPECT_EQ(car.small, 1);
  EXPECT_EQ(car.large, 1);  // by the area in the file
  EXPECT_EQ(car.truncated, 1);
  EXPECT_EQ(car.occluded, 1);
  EXPECT_EQ(car.difficult, 1);
  EXPECT_EQ(car.crowds, 1);
  EXPECT_EQ(bus.objects, 2);
  EXPECT_EQ(bus.medium, 1);
  EXPECT_EQ(bus.ignored, 1);
  EXPECT_EQ(s.sizes.counts[3], 1);    // 12 to 16: 10 x 20
  EXPECT_EQ(s.sizes.counts[6], 2);    // 32 to 48: two boxes of 40 x 40
  EXPECT_EQ(s.aspects.counts[3], 1);  // 10 x 20
  EXPECT_THAT(s.density.counts, ElementsAre(1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(StatisticsTest, TextAndJsonTellTheSameNumbers) {
  const DataStatistics s = data_statistics(small_set());
  const auto json = nlohmann::json::parse(statistics_json(s));
  EXPECT_EQ(json["objects"], 4);
  EXPECT_EQ(json["per_class"]["bus"]["ignored"], 1);
  EXPECT_EQ(json["size_px"]["counts"].size(), json["size_px"]["edges"].size());
  EXPECT_EQ(json["image_sizes"][0]["images"], 2);
  const std::string text = statistics_text(s);
  EXPECT_THAT(text, HasSubstr("3 images (1 without objects), 4 objects, 1.3 an image"));
  EXPECT_THAT(text, HasSubstr("cover 12.50 %"));
  EXPECT_THAT(text, HasSubstr("100 x 100"));
  EXPECT_THAT(statistics_text(data_statistics({})), HasSubstr("0 images"));
}

}  // namespace
}  // namespace skylift
