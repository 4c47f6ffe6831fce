#include "skylift/annotations/detections.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class DetectionsTest : public ::testing::Test {
 protected:
  DetectionsTest() {
    truth.format = "coco";
    truth.classes = {"car", "bus"};
    truth.class_ids = {4, 9};
    truth.images = {ImageRecord{"a.jpg", 5000000000, 10, 10, {}, {}}, ImageRecord{"s/b.jpg", 7, 10, 10, {}, {}}};
  }
  std::string error_for(const std::string& text) {
    write_file(path, text);
    return error_of([&] { read_detections(path, truth); });
  }

  TempFolder folder;
  std::filesystem::path path = folder / "dt.json";
  AnnotationSet truth;
};

TEST_F(DetectionsTest, ReadsCocoResultsInFileOrderPerImage) {
  write_file(path, R"([{"image_id":7,"category_id":9,"bbox":[1,2,3,4],"score":0.25},
    {"score":1,"bbox":[0,0,1,1],"category_id":4,"image_id":5000000000,"segmentation":{"counts":"]}"}},
    {"image_id":7,"category_id":4,"bbox":[1,2,3,5],"score":0.5}])");
  const DetectionSet set = read_detections(path, truth);
  ASSERT_THAT(set, SizeIs(2));
  ASSERT_THAT(set[0], SizeIs(1));
  EXPECT_EQ(set[0][0].class_index, 0);
  ASSERT_THAT(set[1], SizeIs(2));
  EXPECT_EQ(set[1][0].score, 0.25);
  EXPECT_EQ(set[1][0].class_index, 1);
  EXPECT_EQ(set[1][1].box, (BoxXywh{1, 2, 3, 5}));
}

TEST_F(DetectionsTest, CategoriesThatNoIntegerHoldsAreErrors) {
  for (const std::string category : {"1e300", "-1e300", "9223372036854775808", "4.5"}) {
    write_file(folder / "results/a.txt", "1,2,3,4,0.5," + category + ",-1,-1\n");
    EXPECT_THAT(error_of([&] { read_detections(folder / "results", truth); }), HasSubstr("a.txt:1: got category "))
        << category;
  }
}

TEST_F(DetectionsTest, UnknownAndMalformedResultsAreErrors) {
  EXPECT_THAT(error_for(R"([{"image_id":8,"category_id":9,"bbox":[1,2,3,4],"score":0.25}])"),
              EndsWith("dt.json: $[0].image_id: got 8, expected the id of an image of the data set"));
  EXPECT_THAT(error_for(R"([{"image_id":7,"category_id":1,"bbox":[1,2,3,4],"score":0.25}])"),
              EndsWith("$[0].category_id: got 1, expected one of 4, 9"));
  EXPECT_THAT(error_for(R"([{"image_id":7,"category_id":9,"bbox":[1,2,3,4]}])"),
              EndsWith("$[0].score: missing, expected a number"));
  EXPECT_THAT(error_for(R"({"images":[]})"), HasSubstr("expected a list of results"));
  EXPECT_THAT(error_for("[{]"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([&] { read_detections(folder / "absent", truth); }), HasSubstr("nothing there"));
  EXPECT_EQ(error_for("[]"), "no error");
}

TEST_F(DetectionsTest, BothFormatsRoundTrip) {
  const DetectionSet set = {{{{0.1, 2, 3, 4}, 0.5, 1}, {{1, 2, 3, 4}, 0.75, 0}}, {}};
  write_coco_detections(path, truth, set);
  const DetectionSet coco = read_detections(path, truth);
  ASSERT_THAT(coco[0], SizeIs(2));
  EXPECT_THAT(coco[1], SizeIs(0));
  EXPECT_EQ(coco[0][0].box, set[0][0].box);
  EXPECT_EQ(coco[0][0].score, 0.5);
  EXPECT_EQ(coco[0][0].class_index, 1);

  write_visdrone_detections(folder / "dt", truth, set);
  EXPECT_EQ(read_file(folder / "dt/a.txt"), "1,2,3,4,0.75,4,-1,-1\n0.1,2,3,4,0.5,9,-1,-1\n");  // by falling score
  const DetectionSet visdrone = read_detections(folder / "dt", truth);
  ASSERT_THAT(visdrone[0], SizeIs(2));
  EXPECT_EQ(visdrone[0][0].class_index, 0);
  EXPECT_EQ(visdrone[0][1].box, set[0][0].box);
  EXPECT_THAT(visdrone[1], SizeIs(0));

  write_coco_detections(path, truth, {{}, {}});
  EXPECT_THAT(read_detections(path, truth), ElementsAre(SizeIs(0), SizeIs(0)));
  EXPECT_THAT(error_of([&] {
                write_coco_detections(path, truth, {{{{NAN, 0, 1, 1}, 1, 0}}, {}});
              }),
              HasSubstr("not finite"));
}

TEST_F(DetectionsTest, VisdroneFoldersAreCheckedAndMayLackImages) {
  write_file(folder / "dt/s/b.txt", "1,2,3,4,0.5,9,-1,-1,\n1,2,3,4,0.5,4\n");
  EXPECT_THAT(read_detections(folder / "dt", truth), ElementsAre(SizeIs(0), SizeIs(2)));
  write_file(folder / "dt/s/b.txt", "1,2,3,4,0.5,11,-1,-1\n");
  EXPECT_THAT(error_of([&] { read_detections(folder / "dt", truth); }), HasSubstr("b.txt:1: got category 11"));
  truth.format = "visdrone";
  EXPECT_EQ(read_detections(folder / "dt", truth)[1][0].class_index, -1);
  write_file(folder / "dt/c.txt", "");
  EXPECT_THAT(error_of([&] { read_detections(folder / "dt", truth); }), HasSubstr("c.txt: no image of this name"));
  Problems problems;
  EXPECT_THAT(read_detections(folder / "dt", truth, &problems), ElementsAre(SizeIs(0), SizeIs(1)));
  EXPECT_THAT(problems, SizeIs(1));
}

}  // namespace
}  // namespace skylift
