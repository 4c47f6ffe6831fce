#include "skylift/annotations/detections.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::AllOf;
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
    EXPECT_THAT(error_of([&] { read_detections(folder / "results", truth); }),
                AllOf(HasSubstr("a.txt:1: got "), HasSubstr(" for category, expected an integer from 0 to 11")))
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

TEST_F(DetectionsTest, PartsOfAnImageAreNoPixels) {
  EXPECT_THAT(error_for(R"([{"image_id":7,"category_id":9,"bbox":[0.1,0.2,0.5,0.25],"score":0.5}])"),
              AllOf(HasSubstr("dt.json"), HasSubstr("expected pixels")));
  write_file(folder / "results/a.txt", "0.1,0.2,0.5,0.25,0.5,4,-1,-1\n");
  EXPECT_THAT(error_of([&] { read_detections(folder / "results", truth); }), HasSubstr("expected pixels"));
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
  truth.class_ids = {1, 2};  // VisDrone's numbers go by name, whatever the ground truth's are
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
  write_file(folder / "dt/s/b.txt", "1,2,3,4,0.5,12,-1,-1\n");
  EXPECT_THAT(error_of([&] { read_detections(folder / "dt", truth); }), HasSubstr("b.txt:1: got 12"));
  write_file(folder / "dt/s/b.txt", "1,2,3,4,0.5,10,-1,-1\n");
  EXPECT_THAT(error_of([&] { read_detections(folder / "dt", truth); }), HasSubstr("no class in common"));
  write_file(folder / "dt/s/b.txt", "1,2,3,4,0.5,11,-1,-1\n");
  EXPECT_EQ(read_detections(folder / "dt", truth)[1][0].class_index, -1);
  write_file(folder / "dt/c.txt", "");
  EXPECT_THAT(error_of([&] { read_detections(folder / "dt", truth); }), HasSubstr("c.txt: no image of this name"));
  Problems problems;
  EXPECT_THAT(read_detections(folder / "dt", truth, &problems), ElementsAre(SizeIs(0), SizeIs(1)));
  EXPECT_THAT(problems, SizeIs(1));
}

TEST_F(DetectionsTest, ImagesWithoutAFileAreSaid) {
  write_file(folder / "dt/a.txt", "");
  testing::internal::CaptureStderr();
  EXPECT_THAT(read_detections(folder / "dt", truth), ElementsAre(SizeIs(0), SizeIs(0)));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("1 of 2 images have no file, e.g. s/b.jpg: taken as without detections"));
  write_file(folder / "dt/s/b.txt", "");
  testing::internal::CaptureStderr();
  read_detections(folder / "dt", truth);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(DetectionsTest, NamesGoBeforeNumbers) {
  const std::string box = R"("bbox":[1,2,3,4],"score":0.5)";
  write_file(path, R"([{"image_id":7,"file_name":"a.jpg","category_id":4,"category_name":"bus",)" + box +
                       R"(},{"image_id":1,"file_name":"b.jpg","category_id":5,"category_name":"car",)" + box +
                       R"(},{"image_id":1,"file_name":"b.jpg","category_id":6,"category_name":"boat",)" + box + "}]");
  testing::internal::CaptureStderr();
  const DetectionSet set = read_detections(path, truth);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("1 detections are not scored"));
  ASSERT_THAT(set, ElementsAre(SizeIs(1), SizeIs(1)));
  EXPECT_EQ(set[0][0].class_index, 1);
  EXPECT_EQ(set[1][0].class_index, 0);
  EXPECT_THAT(error_for(R"([{"image_id":7,"file_name":"c.jpg","category_id":4,)" + box + "}]"), HasSubstr("'c.jpg'"));
  EXPECT_THAT(error_for(R"([{"image_id":7,"file_name":"a.jpg","category_id":4,"category_name":"boat",)" + box + "}]"),
              HasSubstr("no class in common"));
  // The image goes by its name, but nothing tells whose numbers the categories are.
  EXPECT_THAT(error_for(R"([{"image_id":7,"file_name":"a.jpg","category_id":4,)" + box + "}]"),
              HasSubstr("category_name"));
  EXPECT_THAT(error_for(R"([{"image_id":1,"file_name":"x/s/b.jpg","category_id":4,"category_name":"car",)" + box +
                        R"(},{"image_id":2,"file_name":"b.jpg","category_id":4,"category_name":"car",)" + box + "}]"),
              HasSubstr("would both be s/b.jpg"));
}

TEST_F(DetectionsTest, OlderFilesHaveTheirNamesBeside) {
  path = folder / "detections.json";
  write_file(folder / "images.json", R"([{"id":1,"file_name":"s/b.jpg"},{"id":7,"file_name":"a.jpg"}])");
  EXPECT_THAT(error_for(R"([{"image_id":7,"category_id":4,"bbox":[1,2,3,4],"score":0.5}])"),
              HasSubstr("category_name"));
  write_file(folder / "images.json", R"([{"id":7,"file_name":"s/b.jpg"}])");
  EXPECT_EQ(error_for(R"([{"image_id":7,"category_id":4,"bbox":[1,2,3,4],"score":0.5}])"), "no error");
}

TEST_F(DetectionsTest, TwoImagesOfOneStemKeepAFileEach) {
  truth.images[1].file = "a.png";
  const DetectionSet set = {{{{0, 1, 3, 4}, 0.5, 1}}, {{{1, 2, 3, 4}, 0.75, 0}}};
  write_visdrone_detections(folder / "dt", truth, set);
  const DetectionSet back = read_detections(folder / "dt", truth);
  ASSERT_THAT(back, ElementsAre(SizeIs(1), SizeIs(1)));
  EXPECT_EQ(back[0][0].box, set[0][0].box);
  EXPECT_EQ(back[1][0].box, set[1][0].box);
}

class UltralyticsTest : public DetectionsTest {
 protected:
  UltralyticsTest() {
    truth.format = "yolo";
    truth.class_ids = {0, 1};
    truth.images.clear();
    for (const char* file : {"images/1.jpg", "images/10.jpg", "images/2.jpg"}) {
      truth.images.emplace_back().file = file;
      truth.images.back().id = static_cast<int64_t>(truth.images.size());
    }
  }
  /// The classes found in images 1, 10 and 2.
  std::vector<int> classes_of(const std::string& text) {
    write_file(path, text);
    std::vector<int> classes;
    for (const auto& found : read_detections(path, truth)) classes.push_back(found.empty() ? -9 : found[0].class_index);
    return classes;
  }
  static std::string entry(const std::string& image, int category, const std::string& more = "") {
    return fmt::format(R"({{"image_id":{},"category_id":{},{}"bbox":[1,2,3,4],"score":0.5}})", image, category, more);
  }
};

TEST_F(UltralyticsTest, ImagesAreStemsAndClassesCountFromOneOrZero) {
  const auto list = [](int first, int second, bool names) {
    return "[" + entry("2", first, names ? R"("file_name":"2.jpg",)" : "") + "," +
           entry("10", second, names ? R"("file_name":"10.jpg",)" : "") + "]";
  };
  EXPECT_THAT(classes_of(list(2, 1, true)), ElementsAre(-9, 0, 1));
  EXPECT_THAT(classes_of(list(1, 0, true)), ElementsAre(-9, 0, 1));
  EXPECT_THAT(classes_of(list(1, 0, false)), ElementsAre(-9, 0, 1));
  EXPECT_THAT(error_for(list(2, 0, true)), HasSubstr("reach from 0 to 2"));
  testing::internal::CaptureStderr();
  EXPECT_THAT(classes_of(list(1, 1, true)), ElementsAre(-9, 0, 0));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("class index + 1"));
  // 1 and 2 may be names or places, which here are different images.
  EXPECT_THAT(error_for("[" + entry("2", 1) + "]"), HasSubstr("may be images/2.jpg, by its name, or images/10.jpg"));
}

/// 000001.jpg is the first image: its number is its stem, as Ultralytics writes it, and no id of the set's own.
TEST_F(UltralyticsTest, StemsThatArePlacesAreStems) {
  truth.classes = {"car", "bus", "van"};
  truth.class_ids = {0, 1, 2};
  for (size_t i = 0; i < 3; ++i) truth.images[i].file = fmt::format("images/{:06}.jpg", i + 1);
  EXPECT_THAT(classes_of("[" + entry("1", 2) + "," + entry("2", 1) + "]"), ElementsAre(1, 0, -9));
  EXPECT_THAT(classes_of("[" + entry("1", 2) + "," + entry("2", 0) + "," + entry("3", 1) + "]"), ElementsAre(2, 0, 1));
}

/// Without names pycocotools' meaning goes first, and another that fits as well is said.
TEST_F(UltralyticsTest, IdsOfCocoThatAreStemsToo) {
  truth.format = "coco";
  for (size_t i = 0; i < 3; ++i) truth.images[i].id = std::vector<int64_t>{1, 10, 2}[i];
  EXPECT_THAT(classes_of("[" + entry("2", 2) + "," + entry("10", 1) + "]"), ElementsAre(-9, 0, 1)) << "2 is no own id";
  testing::internal::CaptureStderr();
  EXPECT_THAT(classes_of("[" + entry("2", 1) + "]"), ElementsAre(-9, -9, 1));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("as class index + 1"));
  testing::internal::CaptureStderr();
  EXPECT_THAT(classes_of("[" + entry("2", 0) + "]"), ElementsAre(-9, -9, 0));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  truth.images[1].id = 2, truth.images[2].id = 3;
  testing::internal::CaptureStderr();
  EXPECT_THAT(classes_of("[" + entry("2", 0) + "]"), ElementsAre(-9, 0, -9));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("by its name it would be images/2.jpg"));
}

TEST_F(UltralyticsTest, TextsAreStems) {
  truth.images[1].file = "images/flight_01.jpg";
  EXPECT_THAT(classes_of("[" + entry("\"flight_01\"", 2) + "]"), ElementsAre(-9, 1, -9));
  EXPECT_THAT(error_for("[" + entry("\"flight_02\"", 2) + "]"), HasSubstr("'flight_02'"));
}

TEST_F(UltralyticsTest, AnyGroundTruth) {
  truth.format = "coco";
  const std::string list =
      "[" + entry("2", 2, R"("file_name":"2.jpg",)") + "," + entry("10", 1, R"("file_name":"10.jpg",)") + "]";
  truth.class_ids = {1, 2};
  EXPECT_THAT(classes_of(list), ElementsAre(-9, 0, 1));
  truth.class_ids = {0, 1};
  EXPECT_THAT(classes_of(list), ElementsAre(-9, 0, 1));
  truth.class_ids = {2, 7};
  EXPECT_THAT(classes_of(list), ElementsAre(-9, 0, 1));
  truth.classes = {"objects", "car", "bus"};
  truth.class_ids = {0, 1, 2};  // with Roboflow's root, which no object is of
  EXPECT_THAT(classes_of(list), ElementsAre(-9, 1, 2));
  truth.classes = {"person", "bicycle"};
  truth.class_ids = {2, 90};  // COCO's own numbers, which Ultralytics writes for COCO
  EXPECT_THAT(classes_of("[" + entry("2", 90, R"("file_name":"2.jpg",)") + "]"), ElementsAre(-9, -9, 1));
}

}  // namespace
}  // namespace skylift
