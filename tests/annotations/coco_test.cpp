#include "skylift/annotations/coco.h"

#include <gmock/gmock.h>

#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string document(const std::string& images, const std::string& annotations, const std::string& categories) {
  return "{\"images\": [" + images + "], \"annotations\": [" + annotations + "], \"categories\": [" + categories + "]}";
}

const std::string kImage = R"({"id": 1, "file_name": "a.jpg", "width": 100, "height": 80})";
const std::string kCategory = R"({"id": 4, "name": "car"})";

class CocoTest : public ::testing::Test {
 protected:
  AnnotationSet read(const std::string& text, Problems* problems = nullptr) {
    write_file(path, text);
    return read_coco(path, {}, problems);
  }
  std::string error_for(const std::string& text) {
    const std::string message = error_of([&] { read(text); });
    EXPECT_THAT(message, AllOf(HasSubstr("set.json"), Not(HasSubstr("\n"))));
    return message;
  }
  std::string error_for_annotation(const std::string& annotation) {
    const std::string good = R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4]})";
    return error_for(document(kImage, good + "," + annotation, kCategory));
  }

  TempFolder folder;
  fs::path path = folder / "set.json";
};

TEST_F(CocoTest, ReadsAnyOrderLargeIdsAndEscapes) {
  // Annotations stand before the images and the categories; categories are not sorted; ids need 64 bits.
  const AnnotationSet set = read(R"( {"info": {"x": [1, "]}\"\\"]}, "annotations": [
    {"segmentation": [[1, 2, 3]], "area": 5.5, "iscrowd": 1, "image_id": 9007199254740993, "bbox": [1.5, 2, 3e1, 4], "category_id": 7, "id": 9223372036854775807},
    {"bbox": [0, 0, 1, 1], "category_id": 3, "image_id": 2, "ignore": 1, "difficult": true, "truncation": 1, "occlusion": 2}],
    "categories": [{"id": 7, "name": "car"}, {"name": "b\"\u00e4", "id": 3, "supercategory": "x"}],
    "images": [{"id": 9007199254740993, "file_name": "x/a b.jpg", "width": 5, "height": 6}, {"file_name": "c.jpg", "id": 2}]} )");
  EXPECT_EQ(set.format, "coco");
  EXPECT_THAT(set.classes, ElementsAre("b\"\xc3\xa4", "car"));
  EXPECT_THAT(set.class_ids, ElementsAre(3, 7));
  ASSERT_THAT(set.images, SizeIs(2));
  EXPECT_EQ(set.images[0].id, 9007199254740993);
  EXPECT_EQ(set.images[0].file, "x/a b.jpg");
  EXPECT_EQ(set.images[0].height, 6);
  EXPECT_EQ(set.images[1].width, 0);
  ASSERT_THAT(set.images[0].objects, SizeIs(1));
  const Object& first = set.images[0].objects[0];
  EXPECT_EQ(first.box, (BoxXywh{1.5, 2, 30, 4}));
  EXPECT_EQ(first.class_index, 1);
  EXPECT_TRUE(first.crowd);
  EXPECT_EQ(first.area, 5.5);
  EXPECT_EQ(first.id, 9223372036854775807);
  ASSERT_THAT(set.images[1].objects, SizeIs(1));
  const Object& second = set.images[1].objects[0];
  EXPECT_TRUE(second.ignored);
  EXPECT_TRUE(second.difficult);
  EXPECT_EQ(second.truncation, 1);
  EXPECT_EQ(second.occlusion, 2);
  EXPECT_EQ(second.area, -1);
}

TEST_F(CocoTest, ImageFolderIsGivenOrBesideOrTheFilesOwn) {
  write_file(path, document(kImage, "", kCategory));
  EXPECT_EQ(open_data(path.string()).image_folder, folder.path());
  fs::create_directories(folder / "images");
  EXPECT_EQ(open_data(path.string()).image_folder, folder / "images");
  EXPECT_EQ(open_data(path.string() + ":/some/where").image_folder, "/some/where");
  EXPECT_EQ(open_data("format=coco," + path.string() + ":there").image_folder, "there");
}

TEST_F(CocoTest, WrongAnnotationsNameTheJsonPath) {
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4})"),
              EndsWith("set.json: $.annotations[1].bbox: missing, expected [x, y, width, height] or polygons in "
                       "segmentation"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, 3]})"),
              EndsWith("$.annotations[1].bbox: got 3 numbers, expected 4: [x, y, width, height]"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, null, 4]})"),
              EndsWith("$.annotations[1].bbox[2]: got 'null', expected a number"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, NaN, 4]})"),
              HasSubstr("$.annotations[1].bbox[2]: got 'NaN'"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": "1x", "category_id": 4, "bbox": [1, 2, 3, 4]})"),
              EndsWith("$.annotations[1].image_id: got '1x', expected the id of one of the images"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1.5, "category_id": 4, "bbox": [1, 2, 3, 4]})"),
              HasSubstr("got '1.5', expected an integer"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4, "bbox": {"x": 1}})"),
              HasSubstr("bbox: got an object, expected a list"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4], "iscrowd": 2})"),
              HasSubstr("iscrowd: got '2'"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 3, "category_id": 4, "bbox": [1, 2, 3, 4]})"),
              EndsWith("$.annotations[1].image_id: got 3, expected the id of one of the images"));
  EXPECT_THAT(error_for_annotation(R"({"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]})"),
              EndsWith("$.annotations[1].category_id: got 5, expected the id of one of the categories"));
  EXPECT_THAT(error_for_annotation("7"), HasSubstr("$.annotations[1]: got '7', expected a JSON object"));
  EXPECT_THAT(error_for_annotation(R"({"image_id" 1})"), HasSubstr("$.annotations[1]: got"));
  EXPECT_THAT(error_for_annotation("{\"x\": \"\xff\"}"), HasSubstr("$.annotations[1]"));
}

TEST_F(CocoTest, WrongImagesAndCategoriesNameTheJsonPath) {
  EXPECT_THAT(error_for(document(R"({"id": 1})", "", kCategory)), HasSubstr("$.images[0].file_name: missing"));
  EXPECT_THAT(error_for(document(kImage + "," + kImage, "", kCategory)), HasSubstr("$.images[1].id: 1 stands twice"));
  EXPECT_THAT(error_for(document(R"({"id": 1, "file_name": "a", "width": -1})", "", kCategory)),
              HasSubstr("$.images[0].width: got -1"));
  EXPECT_THAT(error_for(document(kImage, "", kCategory + R"(,{"id": 4, "name": "bus"})")),
              HasSubstr("$.categories[1].id: 4 stands twice"));
  EXPECT_THAT(
      error_for(document(R"({"id": 1, "file_name": "a", "ignored_regions": [[1, 2, 3, 4], [1]]})", "", kCategory)),
      HasSubstr("$.images[0].ignored_regions[1]: got 1 numbers"));
  EXPECT_THAT(error_for(document(R"({"id": 1, "file_name": "a", "other_objects": [{"area": 1}]})", "", kCategory)),
              HasSubstr("$.images[0].other_objects[0].bbox: missing"));
}

TEST_F(CocoTest, BrokenJsonNamesTheLine) {
  const std::string whole = document(kImage, "", kCategory);
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of([&] { read(whole.substr(0, length)); }), "no error") << "cut to " << length;
  }
  EXPECT_THAT(error_for("{\"images\": [],\n\"annotations\": [}"),
              HasSubstr("set.json:2: not JSON: got '}' at byte 31, expected a value"));
  EXPECT_THAT(error_for("{\"images\": [{]}"), HasSubstr("expected '}'"));
  EXPECT_THAT(error_for("{\"images\": [1,]}"), HasSubstr("expected a value"));
  EXPECT_THAT(error_for("{\"images\" 3}"), HasSubstr("expected ':'"));
  EXPECT_THAT(error_for(whole + "x"), HasSubstr("expected the end of the file"));
  EXPECT_THAT(error_for(std::string(1000, '[')), HasSubstr("expected less nesting"));
  EXPECT_THAT(error_for("{\"images\": [], \"images\": []}"), HasSubstr("$.images: stands twice"));
  EXPECT_THAT(error_for("{\"images\": 3, \"annotations\": [], \"categories\": []}"),
              HasSubstr("$.images: got '3', expected a list"));
  EXPECT_THAT(error_for("{\"images\": []}"), HasSubstr("$.categories: missing"));
  EXPECT_THAT(error_for("[]"), HasSubstr("is this a file of results?"));
  EXPECT_THAT(error_for("{\"a\\\": 1}"), HasSubstr("a closing quote"));
}

TEST_F(CocoTest, ProblemsCollectEveryBadRecordAndKeepTheGoodOnes) {
  Problems problems;
  const AnnotationSet set =
      read(document(kImage + ", {\"id\": 1.5}",
                    R"({"image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4]}, {"image_id": 1, "category_id": 4},
                                             {"image_id": 8, "category_id": 4, "bbox": [1, 2, 3, 4]}, {"image_id": 1, "category_id": 4, "bbox": [5, 6, 7, 8]})",
                    kCategory),
           &problems);
  ASSERT_THAT(problems, SizeIs(3));
  EXPECT_THAT(problems[0].where, EndsWith("$.images[1].id"));
  EXPECT_THAT(problems[1].where, EndsWith("$.annotations[1].bbox"));
  EXPECT_THAT(problems[2].where, EndsWith("$.annotations[2].image_id"));
  EXPECT_THAT(set.images[0].objects, SizeIs(2));
}

TEST_F(CocoTest, WritesAndReadsBackEverything) {
  AnnotationSet set;
  set.classes = {"car", "a \"bus\""};
  set.class_ids = {4, 90};
  ImageRecord image{"d/\xc3\xa4.jpg", 77, 640, 480, {}, {{1, 2, 3.25, 4}, {0, 0, 10, 10}}};
  Object crowd{{0.1, 0.2, 1e-3, 12345678.9}, 1, 1, 2, true, true, true, 3.5, 50};
  Object other{{5, 6, 7, 8}, -1, 0, 1, false, true, false, -1, 0};
  Object plain{{5, 6, 7, 8}, 0, 0, 0, false, false, false, -1, 60};
  image.objects = {other, crowd, plain};
  set.images = {image, ImageRecord{"e.jpg", 78, 1, 1, {}, {}}};
  write_coco(path, set);
  const AnnotationSet back = read_coco(path);
  EXPECT_EQ(back.classes, set.classes);
  EXPECT_EQ(back.class_ids, set.class_ids);
  ASSERT_THAT(back.images, SizeIs(2));
  EXPECT_EQ(back.images[0].file, image.file);
  EXPECT_EQ(back.images[0].ignored_regions, image.ignored_regions);
  EXPECT_THAT(back.images[1].objects, SizeIs(0));
  ASSERT_THAT(back.images[0].objects, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    const Object &a = image.objects[i], &b = back.images[0].objects[i];
    EXPECT_EQ(a.box, b.box);
    EXPECT_EQ(a.class_index, b.class_index);
    EXPECT_EQ(a.truncation, b.truncation);
    EXPECT_EQ(a.occlusion, b.occlusion);
    EXPECT_EQ(a.crowd, b.crowd);
    EXPECT_EQ(a.ignored, b.ignored);
    EXPECT_EQ(a.difficult, b.difficult);
    EXPECT_EQ(a.id, b.id);
  }
  EXPECT_EQ(back.images[0].objects[1].area, 3.5);
  EXPECT_EQ(back.images[0].objects[2].area, 56);  // pycocotools needs one: w*h
}

TEST_F(CocoTest, AnnotationsWithoutIdsAreNumberedAndUnknownSizesAreErrors) {
  AnnotationSet set;
  set.classes = {"car"};
  set.class_ids = {1};
  set.images = {ImageRecord{"a.jpg", 1, 10, 10, {Object{}, Object{}}, {}}};
  write_coco(path, set);
  EXPECT_EQ(read_coco(path).images[0].objects[1].id, 2);
  set.images[0].height = 0;
  EXPECT_THAT(error_of([&] { write_coco(path, set); }), HasSubstr("the size of a.jpg is not known"));
  set.images[0] = ImageRecord{"\xff.jpg", 1, 10, 10, {}, {}};
  EXPECT_THAT(error_of([&] { write_coco(path, set); }), HasSubstr("not UTF-8"));
}

/// Each compared with all before it, they would not be through within the test's time limit.
TEST(CocoKeysTest, ManyKeysAreReadInOnePass) {
  TempFolder folder;
  std::string text = "{\"images\": [], \"annotations\": [], \"categories\": []";
  for (int i = 0; i < 3'000'000; ++i) text += ",\"" + std::to_string(i) + "\":0";
  write_file(folder / "a.json", text + "}");
  EXPECT_EQ(read_coco(folder / "a.json", {}).images.size(), 0U);
}

}  // namespace
}  // namespace skylift
