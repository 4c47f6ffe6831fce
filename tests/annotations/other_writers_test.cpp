// COCO and YOLO sets as other tools write them, beside layouts_test.cpp.
#include "tests/annotations/other_writers.h"

namespace skylift {
namespace {

using testing::coco;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kRow;
using testing::kXml;
using testing::note;
using testing::OtherWritersTest;
using ::testing::SizeIs;
using testing::xml;

TEST_F(OtherWritersTest, NanIsNullAsInTablesOfPandas) {
  image("a.png");
  const Object car = object(coco(R"("bbox": [100, 100, 40, 30], "area": NaN, "iscrowd": NaN)"));
  EXPECT_EQ(car.area, -1);
  EXPECT_FALSE(car.crowd);
  object(coco(R"("bbox": NaN, "segmentation": [[1, 1, 9, 1, 9, 9]])"));
  write_file(folder / "set.json", coco(R"("bbox": [NaN, 100, 40, 30])"));
  EXPECT_THAT(error_for("set.json"), HasSubstr("$.annotations[0].bbox[0]: got 'NaN', expected a number"));
  write_file(folder / "set.json", coco(R"("bbox": NaN)"));
  EXPECT_THAT(error_for("set.json"), HasSubstr("$.annotations[0].bbox: missing"));
}

TEST_F(OtherWritersTest, NumbersInQuotesAndNamesThatAreNumbers) {
  image("a.png");
  const Object car = object(coco(R"("bbox": ["100", "100.5", 40, 30], "iscrowd": "0", "area": "12")", "\"07\""));
  EXPECT_EQ(car.box, (BoxXywh{100, 100.5, 40, 30}));
  EXPECT_EQ(car.area, 12);
  object(coco(R"("bbox": [100, 100, 40, 30])", "1", "3"));
  EXPECT_THAT(open_data(spec("set.json")).classes, ElementsAre("3"));
  for (const char* id : {"\"a\"", "\"\"", "\"1.5\"", "true"}) {
    write_file(folder / "set.json", coco(R"("bbox": [100, 100, 40, 30])", id));
    EXPECT_THAT(error_for("set.json"), HasSubstr("expected an integer")) << id;
  }
}

TEST_F(OtherWritersTest, APolygonThatIsInNoList) {
  image("a.png");
  EXPECT_EQ(object(coco(R"("segmentation": [10, 20, 30, 20, 30, 50])")).box, (BoxXywh{10, 20, 20, 30}));
  write_file(folder / "set.json", coco(R"("segmentation": [10, 20, 30])"));
  EXPECT_THAT(error_for("set.json"), HasSubstr("got half a point"));
}

TEST_F(OtherWritersTest, AListOfImagesWithoutAnnotations) {
  image("a.png");
  write_file(folder / "set.json", R"({"images": [{"id": 9, "file_name": "a.png"}],
                                      "categories": [{"id": 3, "name": "car"}]})");
  const AnnotationSet set = open_data(spec("set.json"));
  EXPECT_EQ(set.images.at(0).id, 9);
  EXPECT_THAT(set.notes, note("has no annotations"));
  EXPECT_THAT(check_data(spec("set.json")).problems, note("none of 1 images has an object"));
}

TEST_F(OtherWritersTest, FiftyOneAndSubsetsOfMoreWords) {
  image("coco/data/a.png");
  write_file(folder / "coco/labels.json", coco());
  expect("coco", 1);
  expect("coco/labels.json", 1);
  image("voc/data/a.png");
  write_file(folder / "voc/labels/a.xml", kXml);
  expect("voc", 1);
  image("datumaro/images/my_train/a.png");
  write_file(folder / "datumaro/annotations/instances_my_train.json", coco());
  expect("datumaro", 1);
}

TEST_F(OtherWritersTest, SplitsThatAreEmptyOrOtherwiseNamed) {
  image("images/a.png");
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nval: ''\ntest:\nnames: [car]\n");
  expect("data.yaml", 1);
  for (const char* key : {"validation", "valid"}) {
    write_file(folder / "data.yaml", fmt::format("train: nowhere\n{}: images\nnames: [car]\n", key));
    expect("data.yaml:val", 1);
  }
  write_file(folder / "data.yaml", "train: list.txt\nnames: [car]\n");
  write_file(folder / "list.txt", "# of day 1\r\n./images/a.png\r\n");
  EXPECT_THAT(expect("data.yaml", 1).notes, note("'# of day 1' is passed over as a comment"));
}

/// COCO Camera Traps, and ground truths made to fit Ultralytics' results.
TEST_F(OtherWritersTest, IdsThatAreTexts) {
  image("a.png");
  image("7.png");
  write_file(folder / "set.json", R"({"images": [{"id": "0000_d_5", "file_name": "a.png", "width": 640, "height": 480},
                                                 {"id": 7, "file_name": "7.png", "width": 640, "height": 480}],
    "categories": [{"id": 0, "name": "car"}],
    "annotations": [{"id": "5f0c-1", "image_id": "0000_d_5", "category_id": 0, "bbox": [1, 2, 30, 40]},
                    {"id": "5f0c-2", "image_id": "7", "category_id": 0, "bbox": [1, 2, 30, 40]}]})");
  const AnnotationSet set = expect("set.json", 2);
  EXPECT_EQ(set.images[0].id, 1);
  EXPECT_EQ(set.images[1].id, 7);
  EXPECT_THAT(set.images[0].objects, SizeIs(1));
  write_file(folder / "twice.json",
             R"({"images": [{"id": "x", "file_name": "a.png"}, {"id": "x", "file_name": "7.png"}],
    "categories": [], "annotations": []})");
  EXPECT_THAT(error_for("twice.json"), HasSubstr("$.images[1].id: 'x' stands twice"));
}

TEST_F(OtherWritersTest, AttributesOfUsersBesideCocosFields) {
  image("a.png");
  for (const char* extra :
       {R"("occlusion": "partial")", R"("truncation": 0.3)", R"("difficult": "Unspecified")", R"("ignore": "no")"}) {
    write_file(folder / "set.json", coco(R"("bbox": [100, 100, 40, 30], )" + std::string(extra)));
    EXPECT_THAT(expect("set.json", 1).notes, note("passed over")) << extra;
  }
}

TEST_F(OtherWritersTest, AFileNameMeansTheImageWithinTheFolder) {
  image("images/a.png");
  const std::string there = (folder / "images/a.png").string();
  for (const std::string& name : {there, std::string("../images/a.png"), std::string("..\\\\images\\\\a.png")}) {
    for (const char* file : {"set.json", "annotations/instances_default.json"}) {
      write_file(folder / file, R"({"images": [{"id": 1, "file_name": ")" + name +
                                    R"(", "width": 640, "height": 480}], "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40]}]})");
      EXPECT_EQ(expect(file, 1).images[0].file, "a.png") << name;
    }
  }
}

TEST_F(OtherWritersTest, YoloWithAListOfClassesAlone) {
  const struct {
    const char *set, *images, *texts, *list;
  } layouts[] = {{"labelimg", "", "", "classes.txt"},
                 {"saved", "images/", "labels/", "labels/classes.txt"},
                 {"darknet", "", "", "_darknet.labels"},
                 {"yolov4", "data/", "data/", "obj.names"}};
  for (const auto& [set, images, texts, list] : layouts) {
    image(fmt::format("{}/{}a.png", set, images));
    write_file(folder / fmt::format("{}/{}a.txt", set, texts), kRow);
    write_file(folder / set / list, "car\n");
    expect(set, 1);
  }
}

TEST_F(OtherWritersTest, SubsetsByTheNamesOfCvat) {
  for (const char* subset : {"Train", "Validation", "night"}) {
    image(fmt::format("data/images/{}/a.png", subset));
    write_file(folder / fmt::format("data/labels/{}/a.txt", subset), kRow);
    write_file(folder / fmt::format("data/{}.txt", subset), fmt::format("data/images/{}/a.png\n", subset));
  }
  write_file(folder / "obj.data",
             "classes = 1\nTrain = data/Train.txt\nValidation = data/Validation.txt\n"
             "night = data/night.txt\nnames = data/obj.names\nbackup = backup/\n");
  write_file(folder / "data/obj.names", "car\n");
  for (const char* split : {":train", ":val", ":night"}) expect(std::string("obj.data") + split, 1);
  write_file(folder / "data.yaml",
             "Train: data/Train.txt\nValidation: data/Validation.txt\nnight: data/night.txt\n"
             "names: [car]\n");
  for (const char* split : {":train", ":val", ":night"}) expect(std::string("data.yaml") + split, 1);
}

TEST_F(OtherWritersTest, APlaceFromBeforeTheSetWasMoved) {
  image("proj-1/train/images/a.png");
  write_file(folder / "proj-1/train/labels/a.txt", kRow);
  for (const char* place : {"proj-1/train/images", "/content/proj-1/train/images"}) {
    write_file(folder / "proj-1/data.yaml", fmt::format("train: {}\nnames: [car]\n", place));
    EXPECT_THAT(expect("proj-1", 1).notes, note("is taken as")) << place;
  }
}

TEST_F(OtherWritersTest, ADataYamlUnderAnotherName) {
  image("images/a.png");
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "custom.yaml", "train: images\nnames: [car]\n");
  expect("", 1);
}

TEST_F(OtherWritersTest, ADataYamlOfClassesAlone) {  // supervision's
  for (const char* place : {"one/", "two/train/", "two/valid/"}) {
    image(fmt::format("{}images/a.png", place));
    write_file(folder / fmt::format("{}labels/a.txt", place), kRow);
  }
  for (const char* set : {"one", "two"}) write_file(folder / set / "data.yaml", "nc: 1\nnames:\n- car\n");
  for (const char* set : {"one", "two:train", "two:val"}) expect(set, 1);
}

TEST_F(OtherWritersTest, WhatIsNoSetNamesOneWithin) {
  image("rf/train/a.png");
  write_file(folder / "rf/train/a.xml", kXml);
  EXPECT_THAT(error_for("rf"), HasSubstr((folder / "rf/train").string() + " is one"));
}

TEST_F(OtherWritersTest, ClassesOfAnUnknownEncoding) {
  image("a.png");
  write_file(folder / "a.xml",
             "<annotation><object><name>\xc6\xfb\xb3\xb5</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
             "<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>");
  EXPECT_THAT(check_data(folder.path().string()).problems, note("is not UTF-8"));
}

TEST_F(OtherWritersTest, BoxesInSharesOfTheImage) {
  image("a.png");
  write_file(folder / "set.json", coco(R"("bbox": [0.1, 0.2, 0.5, 0.25])"));
  EXPECT_THAT(check_data(spec("set.json")).problems, note("every box lies within 0..1"));
}

TEST_F(OtherWritersTest, APlaceOfManyPartsIsNoPath) {
  std::string place;
  for (int i = 0; i < 200000; ++i) place += "a/";
  write_file(folder / "data.yaml", "names: [car]\ntrain: " + place + "images\n");
  EXPECT_THAT(error_for("data.yaml"), HasSubstr("no such folder"));
}

TEST_F(OtherWritersTest, NobodyHasSoManySplits) {
  std::string text = "names: [car]\n";
  for (int i = 0; i < 20000; ++i) text += fmt::format("s{}: l.txt\n", i);
  write_file(folder / "data.yaml", text);
  EXPECT_THAT(error_for("data.yaml"), HasSubstr("more than 1000 splits"));
}

}  // namespace
}  // namespace skylift
