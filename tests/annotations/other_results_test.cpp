// Detections as other tools write them.
#include "skylift/annotations/detections.h"
#include "tests/annotations/other_writers.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using testing::coco;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kXml;
using testing::OtherWritersTest;
using ::testing::SizeIs;
using testing::xml;

class OtherResultsTest : public OtherWritersTest {
 protected:
  OtherResultsTest() {
    truth.format = "coco";
    truth.source = "gt.json";
    truth.classes = {"car", "bus", "van"};
    truth.class_ids = {4, 9, 11};
    truth.images = {ImageRecord{"images/0012.jpg", 7, 10, 10, {}, {}},
                    ImageRecord{"images/0013.jpg", 8, 10, 10, {}, {}}};
  }
  /// The classes of what is found in the two images.
  std::vector<int> classes_of(const std::string& image, const std::string& category, const std::string& more = "") {
    write_file(
        folder / "dt.json",
        fmt::format(R"([{{"image_id":{},"category_id":{},{}"bbox":[1,2,3,4],"score":"0.5"}}])", image, category, more));
    std::vector<int> classes;
    for (const auto& found : read_detections(folder / "dt.json", truth))
      classes.push_back(found.empty() ? -9 : found[0].class_index);
    return classes;
  }

  AnnotationSet truth;
};

TEST_F(OtherResultsTest, IdsInQuotesAndPathsForIds) {
  EXPECT_THAT(classes_of("\"8\"", "\"9\""), ElementsAre(-9, 1));
  EXPECT_THAT(classes_of("\"0013\"", "2"), ElementsAre(-9, 1));
  EXPECT_THAT(classes_of("\"x/images/0013.jpg\"", "4", R"("category_name":"van",)"), ElementsAre(-9, 2));
}

TEST_F(OtherResultsTest, IdsOfImagesThatAreTextsAreTheGroundTruths) {
  truth.class_ids = {0, 1, 2};
  truth.images[0].id_text = "seq/a";
  truth.images[1].id_text = "12345678901234567890";
  EXPECT_THAT(classes_of("\"seq/a\"", "1"), ElementsAre(1, -9));
  EXPECT_THAT(classes_of("12345678901234567890", "1"), ElementsAre(-9, 1));
  // A number that the file never had, but that stands for its text here.
  EXPECT_THAT(error_of([&] { classes_of("8", "1"); }), HasSubstr("got 8, expected the id of an image"));
  // The stems, too: the ground truth's own numbers of classes, where they fit.
  truth.images[0].id_text = "0012";
  truth.images[1].id_text = "0013";
  EXPECT_THAT(classes_of("\"0013\"", "1"), ElementsAre(-9, 1));
  // Stems of each other: ids go first.
  std::swap(truth.images[0].id_text, truth.images[1].id_text);
  EXPECT_THAT(classes_of("\"0013\"", "1"), ElementsAre(1, -9));
  write_coco_detections(folder / "own.json", truth, {{Detection{{1, 2, 3, 4}, 0.5, 1}}, {}});
  EXPECT_THAT(read_file(folder / "own.json"), HasSubstr(R"("image_id":"0013")"));
}

TEST_F(OtherResultsTest, ACategoryOfTwoMeaningsIsRefused) {
  truth.class_ids = {1, 3, 5};
  const std::string file = R"("file_name":"0013.jpg",)";
  EXPECT_THAT(classes_of("13", "1", file), ElementsAre(-9, 0));
  EXPECT_THAT(classes_of("13", "2", file), ElementsAre(-9, 1));
  EXPECT_THAT(classes_of("13", "5", file), ElementsAre(-9, 2));
  EXPECT_THAT(error_of([&] { classes_of("13", "3", file); }),
              AllOf(HasSubstr("category_id 3 may be bus"), HasSubstr("or van"), HasSubstr("category_name")));
}

TEST_F(OtherResultsTest, FoldersOfPredict) {
  write_file(folder / "visdrone/0012.txt", "1,2,3,4,0.5,4,-1,-1\n");
  write_file(folder / "visdrone/._0012.txt", "Mac OS X");
  write_file(folder / "visdrone/.ipynb_checkpoints/0012-checkpoint.txt", "");
  EXPECT_THAT(read_detections(folder / "visdrone", truth), ElementsAre(SizeIs(1), SizeIs(0)));
  write_file(folder / "coco/detections.json", R"([{"image_id":8,"category_id":9,"bbox":[1,2,3,4],"score":0.5}])");
  EXPECT_THAT(read_detections(folder / "coco", truth), ElementsAre(SizeIs(0), SizeIs(1)));
  std::filesystem::create_directory(folder / "ultralytics");
  std::filesystem::rename(folder / "coco/detections.json", folder / "ultralytics/predictions.json");
  EXPECT_THAT(read_detections(folder / "ultralytics", truth), ElementsAre(SizeIs(0), SizeIs(1)));
  write_file(folder / "yolo/classes.txt", "car\n");
  write_file(folder / "yolo/labels/0012.txt", "0 0.5 0.5 0.1 0.1 0.9\n");
  write_file(folder / "csv/detections.csv", "file,class\n");
  for (const char* path : {"yolo", "yolo/labels", "yolo/labels/", "csv", "csv/detections.csv"})
    EXPECT_THAT(error_of([&] { read_detections(folder / path, truth); }), HasSubstr("predict --format coco")) << path;
}

TEST_F(OtherWritersTest, UltralyticsTextsAreNoDetectionsOfVisdrone) {
  image("a.png");
  write_file(folder / "a.xml", kXml);
  write_file(folder / "found/labels/a.txt", "0 0.1875 0.5 0.1 0.1 0.9\n");
  const AnnotationSet truth = open_data(spec(""));
  for (const char* place : {"found", "found/labels"}) {
    EXPECT_THAT(error_of([&] { read_detections(folder / place, truth, nullptr); }), HasSubstr("YOLO's format"))
        << place;
  }
}

}  // namespace
}  // namespace skylift
