// More of what other tools, phones and cameras write, beside layouts_test.cpp.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "skylift/annotations/check.h"
#include "skylift/annotations/detections.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/open_data.h"
#include "tests/exif_files.h"
#include "tests/temp_folder.h"
#include "tests/tiny_image.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kRow = "0 0.5 0.5 0.1 0.1\n";

std::string xml(const std::string& shape) {
  return "<annotation><object><name>car</name>" + shape + "</object></annotation>";
}
const std::string kXml = xml("<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>");

/// A COCO file of a.png with one car; `annotation`: its fields but the ids.
std::string coco(const std::string& annotation = R"("bbox": [100, 100, 40, 30])", const std::string& id = "1",
                 const std::string& name = "\"car\"") {
  return fmt::format(R"({{"images": [{{"id": {0}, "file_name": "a.png", "width": 640, "height": 480}}],
                         "categories": [{{"id": {0}, "name": {2}}}],
                         "annotations": [{{"id": 1, "image_id": {0}, "category_id": {0}, {1}}}]}})",
                     id, annotation, name);
}

auto note(const std::string& what) { return Contains(Field(&Problem::what, HasSubstr(what))); }

class OtherWritersTest : public ::testing::Test {
 protected:
  void image(const std::string& file) { write_tiny_image(folder / file, 640, 480); }
  std::string spec(const std::string& below) { return (folder / below).string(); }
  /// Clean, with so many objects.
  AnnotationSet expect(const std::string& below, size_t objects) {
    const CheckResult result = check_data(spec(below));
    for (const auto& problem : result.problems) ADD_FAILURE() << below << ": " << problem.where << ": " << problem.what;
    size_t found = 0;
    for (const auto& record : result.set.images) found += record.objects.size();
    EXPECT_EQ(found, objects) << below;
    return result.set;
  }
  std::string error_for(const std::string& below) {
    return error_of([&] { open_data(spec(below)); });
  }
  /// The first object of a COCO file.
  Object object(const std::string& text) {
    write_file(folder / "set.json", text);
    return expect("set.json", 1).images.at(0).objects.at(0);
  }

  TempFolder folder;
};

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

TEST_F(OtherWritersTest, VocShapesByTheirCorners) {
  image("a.png");
  for (const char* shape :
       {"<bndbox><x1>10</x1><y1>20</y1><x2>30</x2><y2>20</y2><x3>30</x3><y3>50</y3><x4>10</x4><y4>50</y4></bndbox>",
        "<polygon><x1>10</x1><y1>20</y1><x2>30</x2><y2>20</y2><x3>30</x3><y3>50</y3></polygon>",
        "<polygon><pt><x>10</x><y>20</y></pt><pt><x>30</x><y>20</y></pt><pt><x>30</x><y>50</y></pt></polygon>",
        "<robndbox><x_left_top>10</x_left_top><y_left_top>20</y_left_top><x_right_top>30</x_right_top>"
        "<y_right_top>20</y_right_top><x_right_bottom>30</x_right_bottom><y_right_bottom>50</y_right_bottom>"
        "<x_left_bottom>10</x_left_bottom><y_left_bottom>50</y_left_bottom></robndbox>"}) {
    write_file(folder / "a.xml", xml(shape));
    const AnnotationSet set = expect("", 1);
    EXPECT_EQ(set.images[0].objects[0].box, (BoxXywh{10, 20, 20, 30})) << shape;
    EXPECT_THAT(set.notes, note("1 boxes are turned"));
  }
  write_file(folder / "a.xml", xml("<bndbox><x1>10</x1></bndbox>"));
  EXPECT_THAT(error_for(""), HasSubstr("<bndbox> has no <y1>"));
}

TEST_F(OtherWritersTest, VocListsWithFoldersAndOtherEndings) {
  for (const char* stem : {"a", "b", "d1/c", "d2/c"}) {
    image(fmt::format("JPEGImages/{}.png", stem));
    write_file(folder / "Annotations" / fmt::format("{}.xml", stem), kXml);
  }
  write_file(folder / "ImageSets/Main/l.txt", "a.xml\nJPEGImages/b.png\nJPEGImages\\b.png\nd1/c\n");
  expect(":l", 3);
  write_file(folder / "ImageSets/Main/l.txt", "a\nc\n");
  EXPECT_THAT(error_for(":l"), HasSubstr("'c' may be more than one image"));
}

TEST_F(OtherWritersTest, VocFoldersWithinWhereNoXmlLiesAbove) {
  image("images/d1/a.png");
  write_file(folder / "annotations/d1/a.xml", kXml);
  EXPECT_EQ(expect("", 1).format, "voc");
}

TEST_F(OtherWritersTest, PixelsThatNoCommandReadsAreAProblem) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const auto tiff = [&](uint64_t bits, uint64_t format) {
    write_file(folder / "images/a.tif", exif::tiff_start(false, 4) + exif::entry(256, 4, 640, false) +
                                            exif::entry(257, 4, 480, false) + exif::entry(258, 3, bits, false) +
                                            exif::entry(339, 3, format, false) + std::string(4, '\0'));
  };
  tiff(16, 1);
  expect("data.yaml", 1);
  for (const auto& [bits, format] : {std::pair{32, 3}, {64, 3}, {16, 2}, {32, 1}}) {
    tiff(static_cast<uint64_t>(bits), static_cast<uint64_t>(format));
    EXPECT_THAT(check_data(spec("data.yaml")).problems, note("neither 8 nor 16 bit integers")) << bits;
  }
}

TEST_F(OtherWritersTest, AnAnimationIsNoPicture) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const auto webp = [&](char flags) {
    write_file(folder / "images/a.webp", std::string("RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0", 20) + flags +
                                             std::string("\0\0\0\x7F\x02\0\xDF\x01\0", 9));
  };
  webp(0x10);
  expect("data.yaml", 1);
  webp(0x02);
  EXPECT_THAT(check_data(spec("data.yaml")).problems, note("an animated WebP"));
}

TEST_F(OtherWritersTest, AVideoBehindAJpegIsNoMissingEnd) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const std::string thumbnail("\xFF\xE1\x00\x06\xFF\xD8\xFF\xD9", 8);
  const std::string start =
      "\xFF\xD8" + thumbnail + std::string("\xFF\xC0\x00\x0B\x08\x01\xE0\x02\x80\x01\x01\x11\x00", 13);
  const std::string pixels("\xFF\xDA\x00\x02pixels", 10), video(100000, 'v');
  write_file(folder / "images/a.jpg", start + pixels + "\xFF\xD9" + video);
  expect("data.yaml", 1);
  write_file(folder / "images/a.jpg", start + pixels + video);
  EXPECT_THAT(check_data(spec("data.yaml")).problems, note("no JPEG end marker"));
}

TEST(OtherWritersExifTest, AnOrientationAsALongIsReadAsOpencvReadsIt) {
  for (const bool big_endian : {false, true}) {
    const std::string bytes = exif::tiff_start(big_endian, 3) + exif::entry(256, 4, 30, big_endian) +
                              exif::entry(257, 4, 20, big_endian) + exif::entry(274, 4, 6, big_endian) +
                              std::string(4, '\0');
    EXPECT_EQ(read_image_header(bytes).orientation, big_endian ? 1 : 6);
  }
}

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
  write_file(folder / "yolo/classes.txt", "car\n");
  write_file(folder / "yolo/labels/0012.txt", "0 0.5 0.5 0.1 0.1 0.9\n");
  write_file(folder / "csv/detections.csv", "file,class\n");
  for (const char* path : {"yolo", "yolo/labels", "yolo/labels/", "csv", "csv/detections.csv"})
    EXPECT_THAT(error_of([&] { read_detections(folder / path, truth); }), HasSubstr("predict --format coco")) << path;
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
  EXPECT_EQ(set.images[0].id, 8);
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

TEST_F(OtherWritersTest, VocThatCountsFromZero) {
  const auto box = [](const char* corners) { return xml(std::string("<bndbox>") + corners + "</bndbox>"); };
  image("a.png");
  image("b.png");
  write_file(folder / "a.xml", box("<xmin>100</xmin><ymin>100</ymin><xmax>140</xmax><ymax>130</ymax>"));
  write_file(folder / "b.xml", box("<xmin>1</xmin><ymin>1</ymin><xmax>640</xmax><ymax>480</ymax>"));
  const AnnotationSet from_one = expect("", 2);
  EXPECT_EQ(from_one.images[0].objects[0].box, (BoxXywh{99, 99, 41, 31}));
  EXPECT_THAT(from_one.notes, SizeIs(0));
  write_file(folder / "b.xml", box("<xmin>2</xmin><ymin>2</ymin><xmax>640</xmax><ymax>480</ymax>"));
  EXPECT_THAT(expect("", 2).notes, note("taken from 1, as VOC's"));
  write_file(folder / "b.xml", box("<xmin>0</xmin><ymin>200.5</ymin><xmax>640</xmax><ymax>480</ymax>"));
  const AnnotationSet set = expect("", 2);
  EXPECT_EQ(set.images[0].objects[0].box, (BoxXywh{100, 100, 40, 30}));
  EXPECT_EQ(set.images[1].objects[0].box, (BoxXywh{0, 200.5, 640, 279.5}));
  EXPECT_THAT(set.notes, note("pixels are counted from 0"));
}

TEST_F(OtherWritersTest, VocBoxesThatCvatHasTurned) {
  image("a.png");
  write_file(folder / "a.xml", xml("<bndbox><xmin>201</xmin><ymin>201</ymin><xmax>300</xmax><ymax>220</ymax></bndbox>"
                                   "<attributes><attribute><name>rotation</name><value>90.0</value></attribute>"
                                   "</attributes>"));
  const AnnotationSet set = expect("", 1);
  const BoxXywh& box = set.images[0].objects[0].box;
  EXPECT_NEAR(box.x, 240, 1e-9);
  EXPECT_NEAR(box.y, 160, 1e-9);
  EXPECT_NEAR(box.w, 20, 1e-9);
  EXPECT_NEAR(box.h, 100, 1e-9);
  EXPECT_THAT(set.notes, note("1 boxes are turned"));
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

TEST_F(OtherWritersTest, DarknetsVocFolders) {
  image("VOC2007/JPEGImages/a.png");
  write_file(folder / "VOC2007/labels/a.txt", kRow);
  write_file(folder / "cfg/voc.data", "classes = 1\ntrain = VOC2007/train.txt\nnames = data/voc.names\n");
  write_file(folder / "VOC2007/train.txt", "VOC2007/JPEGImages/a.png\n");
  write_file(folder / "data/voc.names", "car\n");
  expect("cfg/voc.data", 1);
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
