#include "skylift/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "tests/data/sets.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// One image of 60x40 px with an object of every kind.
class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() {
    set = write_small_set(folder.path, 1);
    auto& record = set.images[0];
    record.objects = {object(2, 3, 10, 5, 0),   object(20, 3, 10, 5, 1),  object(30, 3, 10, 5, 2),
                      object(40, 3, 10, 5, -1), object(2, 20, 0.5, 9, 0), object(5, 20, 9, 0, 0),
                      object(20, 20, 6, 6, 0),  object(30, 20, 6, 6, 0),  object(50, 30, 40, 40, 0)};
    record.objects[6].ignored = true;
    record.objects[7].crowd = true;
    record.ignored_regions = {{0, 30, 20, 10}};
  }
  TestFolder folder{"dataset"};
  AnnotationSet set;
};

TEST_F(DatasetTest, MaskedThingsAreNeitherPositiveNorNegative) {
  const Dataset dataset(set, {.classes = {"bus", "car"}});
  const Sample sample = dataset.get(0);
  ASSERT_EQ(sample.boxes.size(), 3U);
  EXPECT_THAT(values(sample.boxes[0].box), ElementsAre(2, 3, 12, 8));
  EXPECT_EQ(sample.boxes[0].label, 1);  // car
  EXPECT_THAT(values(sample.boxes[1].box), ElementsAre(30, 3, 40, 8));
  EXPECT_EQ(sample.boxes[1].label, 0);  // bus
  EXPECT_THAT(values(sample.boxes[2].box), ElementsAre(50, 30, 60, 40)) << "clipped to the image";
  ASSERT_EQ(sample.ignored.size(), 5U);  // person (not trained), others, ignored, crowd, region
  EXPECT_THAT(values(sample.ignored[0]), ElementsAre(20, 3, 30, 8));
  EXPECT_THAT(values(sample.ignored[1]), ElementsAre(40, 3, 50, 8));
  EXPECT_THAT(values(sample.ignored[2]), ElementsAre(20, 20, 26, 26));
  EXPECT_THAT(values(sample.ignored[3]), ElementsAre(30, 20, 36, 26));
  EXPECT_THAT(values(sample.ignored[4]), ElementsAre(0, 30, 20, 40));
}

TEST_F(DatasetTest, DecodedImagesStayUpToALimit) {
  set = write_small_set(folder.path, 300);  // 7,200 bytes each, decoded: 145 fill 1 MB
  const Dataset dataset(set, {.cache_mb = 1});
  const cv::Mat first = dataset.get(0).rgb.clone();
  for (int64_t i = 0; i < 300; ++i) dataset.get(i);
  for (const auto& record : set.images) std::filesystem::remove(folder.path / record.file);
  EXPECT_EQ(cv::norm(dataset.get(0).rgb, first, cv::NORM_INF), 0);
  EXPECT_NO_THROW(dataset.get(144));
  EXPECT_THROW(dataset.get(145), Error);
  EXPECT_THROW(dataset.get(299), Error);
}

TEST_F(DatasetTest, UnmaskedCrowdsAreObjectsAndTheRestBackground) {
  const Dataset dataset(set, {.classes = {}, .mask_ignored = false});
  const Sample sample = dataset.get(0);
  EXPECT_TRUE(sample.ignored.empty());
  EXPECT_EQ(sample.boxes.size(), 5U);  // car, person, bus, crowd, the clipped one
  EXPECT_EQ(dataset.counts().objects, 5);
}

TEST_F(DatasetTest, CountsWhatBecameOfTheAnnotations) {
  const Dataset dataset(set, {.classes = {"bus", "car"}});
  const auto& counts = dataset.counts();
  EXPECT_EQ(counts.images, 1);
  EXPECT_EQ(counts.objects, 3);
  EXPECT_EQ(counts.objects_degenerate, 2);
  EXPECT_EQ(counts.objects_ignored, 1);
  EXPECT_EQ(counts.objects_crowd, 1);
  EXPECT_EQ(counts.objects_other, 2);
  EXPECT_EQ(counts.regions, 1);
  EXPECT_THAT(summary(counts, 2), AllOf(HasSubstr("3 objects of 2 classes"), HasSubstr("2 degenerate boxes dropped")));
}

TEST_F(DatasetTest, SmallestBoxIsAnOption) {
  const Dataset dataset(set, {.classes = {}, .min_box_px = 0});
  EXPECT_EQ(dataset.counts().objects_degenerate, 1) << "a box without height is no box";
}

TEST_F(DatasetTest, ImagesWithoutObjectsAreKeptOrDropped) {
  set = write_small_set(folder.path, 3);
  set.images[1].objects.clear();
  const Dataset all(set, {});
  EXPECT_EQ(all.size(), 3);
  EXPECT_TRUE(all.get(1).boxes.empty());
  const Dataset full(set, {.classes = {}, .keep_empty = false});
  EXPECT_EQ(full.size(), 2);
  EXPECT_EQ(full.record_index(1), 2U);
  EXPECT_EQ(full.get(1).image_index, 1);
  EXPECT_EQ(full.counts().images_empty, 1);
}

TEST_F(DatasetTest, NothingToTrainOnIsAnError) {
  EXPECT_THAT(error_of([&] { Dataset(AnnotationSet{}, {}); }), HasSubstr("the data set has no images"));
  set.images[0].objects.clear();
  EXPECT_THAT(error_of([&] { Dataset(set, {.classes = {}, .keep_empty = false}); }),
              AllOf(HasSubstr("none of 1 images has an object"), HasSubstr("car, person, bus")));
}

TEST_F(DatasetTest, UnknownClassNamesTheNearest) {
  EXPECT_THAT(error_of([&] { Dataset(set, {.classes = {"persn"}}); }),
              AllOf(HasSubstr("'persn'"), HasSubstr("'person'")));
  EXPECT_THAT(error_of([&] { Dataset(set, {.classes = {"car", "car"}}); }), HasSubstr("named twice"));
}

TEST_F(DatasetTest, BadImagesAreNamed) {
  set.images[0].file = "missing.jpg";
  EXPECT_THAT(error_of([&] { Dataset(set, {}).get(0); }), HasSubstr("missing.jpg: cannot open"));
  const std::string jpeg = encode_jpeg(noise_picture(60, 40, 1));
  write_file(folder.path / "cut.jpg", jpeg.substr(0, jpeg.size() / 2));
  set.images[0].file = "cut.jpg";
  EXPECT_THAT(error_of([&] { Dataset(set, {}).get(0); }), HasSubstr("cut.jpg: truncated JPEG"));
  set.images[0].file = "0.png";
  set.images[0].width = 40;
  set.images[0].height = 60;
  EXPECT_THAT(error_of([&] { Dataset(set, {}).get(0); }),
              AllOf(HasSubstr("60x40"), HasSubstr("annotations say 40x60")));
}

}  // namespace
}  // namespace skylift
