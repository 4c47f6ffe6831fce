// Data sets as other tools and people's disks leave them: where files lie, how paths are written, in whose hand values
// stand. Each test makes one such layout and expects it to be read as its writer meant it.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "skylift/annotations/check.h"
#include "skylift/annotations/data_write.h"
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
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kTwoRows = "0 0.1875 0.239583 0.0625 0.0625\n0 0.515625 0.46875 0.09375 0.104167\n";

std::string coco(const std::string& file_name, const std::string& categories = R"({"id": 1, "name": "car"})") {
  return R"({"images": [{"id": 1, "file_name": ")" + file_name +
         R"(", "width": 640, "height": 480}], "categories": [)" + categories +
         R"(], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [100, 100, 40, 30]},
                               {"id": 2, "image_id": 1, "category_id": 1, "bbox": [300, 200, 60, 50]}]})";
}

const std::string kVoc =
    "<annotation><object><name>car</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>"
    "</object></annotation>";

/// The working folder for one scope.
class WorkingFolder {
 public:
  explicit WorkingFolder(const fs::path& path) : before_(fs::current_path()) { fs::current_path(path); }
  ~WorkingFolder() { fs::current_path(before_); }

 private:
  fs::path before_;
};

class LayoutsTest : public ::testing::Test {
 protected:
  void image(const std::string& file) { write_tiny_image(folder / file, 640, 480); }
  void yolo_image(const std::string& name, const std::string& rows = kTwoRows) {
    image("images/" + name);
    write_file(folder / "labels" / fs::path(name).replace_extension(".txt"), rows);
  }
  void yaml(const std::string& text = "train: images\nval: images\nnames: [car]\n") {
    write_file(folder / "data.yaml", text);
  }

  /// Clean, with this many images and objects.
  CheckResult expect(const std::string& spec, size_t images, size_t objects, const std::string& format = "") {
    CheckResult result = check_data(spec);
    size_t found = 0;
    for (const auto& record : result.set.images) {
      found += record.objects.size();
      EXPECT_TRUE(fs::exists(result.set.image_path(record))) << record.file;
    }
    for (const auto& problem : result.problems) ADD_FAILURE() << spec << ": " << problem.where << ": " << problem.what;
    EXPECT_EQ(result.set.images.size(), images) << spec;
    EXPECT_EQ(found, objects) << spec;
    if (!format.empty()) {
      EXPECT_EQ(result.set.format, format);
    }
    return result;
  }
  std::string spec(const std::string& below = "") {
    return below.empty() ? folder.path().string() : (folder / below).string();
  }
  std::string error_for(const std::string& below = "") {
    return error_of([&] { open_data(spec(below)); });
  }

  TempFolder folder;
};

auto note(const std::string& what) { return Contains(Field(&Problem::what, HasSubstr(what))); }

// ---- what lies on the disk

TEST_F(LayoutsTest, EveryEndingThatPredictReads) {
  for (const char* name : {"a.JPG", "b.webp", "c.tif", "d.png", "e.bmp", "f.jpeg", "g.tiff"}) yolo_image(name);
  yaml();
  expect(spec(), 7, 14);
}

TEST_F(LayoutsTest, WhatBeginsWithADotIsNotThere) {
  yolo_image("a.png");
  yaml();
  write_file(folder / "images/._a.png", "Mac OS X");
  image("images/.ipynb_checkpoints/a-checkpoint.png");
  EXPECT_THAT(expect(spec(), 1, 2).set.notes, IsEmpty());
  TempFolder visdrone;
  write_tiny_image(visdrone / "images/a.png", 640, 480);
  write_file(visdrone / "images/._a.jpg", "Mac OS X");
  write_file(visdrone / "images/Thumbs.db", "Windows");
  write_file(visdrone / "annotations/a.txt", "1,1,9,9,1,4,0,0\n");
  write_file(visdrone / "annotations/._a.txt", "Mac OS X");
  EXPECT_THAT(expect(visdrone.path().string(), 1, 1, "visdrone").set.notes,
              note("1 file passed over that is no image, e.g. Thumbs.db"));
}

TEST_F(LayoutsTest, LinkedFoldersAreWalkedAndLinksUpDoNotHang) {
  image("store/x.png");
  image("store/sub/y.png");
  write_file(folder / "labels/day1/x.txt", kTwoRows);
  write_file(folder / "labels/day1/sub/y.txt", kTwoRows);
  fs::create_directories(folder / "images");
  fs::create_directory_symlink("../store", folder / "images/day1");
  fs::create_directory_symlink("..", folder / "store/sub/up");
  fs::create_directory_symlink(".", folder / "images/self");
  fs::create_directory_symlink("..", folder / "images/above");  // before day1 in the order of names
  yaml();
  expect(spec(), 2, 4);
}

TEST_F(LayoutsTest, VocAndVisdroneMayHaveFoldersWithin) {
  image("voc/JPEGImages/a.png");
  image("voc/JPEGImages/day2/a.png");
  write_file(folder / "voc/Annotations/a.xml", kVoc);
  write_file(folder / "voc/Annotations/day2/a.xml", kVoc);
  EXPECT_EQ(expect(spec("voc"), 2, 2, "voc").set.images[1].file, "day2/a.png");
  image("visdrone/images/a.png");
  image("visdrone/images/day2/a.png");
  write_file(folder / "visdrone/annotations/a.txt", "1,1,9,9,1,4,0,0\n");
  write_file(folder / "visdrone/annotations/day2/a.txt", "1,1,9,9,1,4,0,0\n2,2,9,9,1,4,0,0\n");
  expect(spec("visdrone"), 2, 3, "visdrone");
  write_file(folder / "visdrone/annotations/day3/b.txt", "");
  EXPECT_THAT(error_for("visdrone"), HasSubstr("day3/b.txt: no image of this name"));
}

TEST_F(LayoutsTest, NoImageWithALabelMeansThatTheyLieElsewhere) {
  image("images/a.png");
  image("images/b.png");
  write_file(folder / "annotations_yolo/a.txt", kTwoRows);
  yaml();
  EXPECT_THAT(error_for(), AllOf(HasSubstr("none of 2 images has a label file"), HasSubstr(spec("labels/a.txt"))));
  write_file(folder / "labels/a.txt", kTwoRows);
  EXPECT_THAT(expect(spec(), 2, 2).set.notes, note("1 of 2 images have no label file"));
}

// ---- paths as their writer's tool means them

TEST_F(LayoutsTest, AbsolutePathsFromEveryWorkingFolder) {
  yolo_image("train/a.png");
  yolo_image("train/b.png");
  const std::string images = spec("images/train");
  write_file(folder / "cfg/data.yaml", "train: " + images + "\nval: " + images + "\nnames: [car]\n");
  write_file(folder / "cfg/list.yaml", "train: list.txt\nnames: [car]\n");
  write_file(folder / "cfg/list.txt", images + "/a.png\n" + images + "/b.png\n");
  write_file(folder / "cfg/mixed.yaml", "train: [" + images + "/a.txt, ../images]\nnames: [car]\n");
  write_file(folder / "images/train/a.txt", images + "/a.png\n");
  for (const char* file : {"data.yaml", "list.yaml", "mixed.yaml"}) {
    expect(spec(std::string("cfg/") + file), 2, 4);
    const WorkingFolder inside(folder / "cfg");
    expect(file, 2, 4);
    const WorkingFolder above(folder.path());
    expect(std::string("cfg/") + file, 2, 4);
  }
}

TEST_F(LayoutsTest, APathOfUltralyticsIsRelativeToTheWorkingFolderToo) {
  image("sets/ds/images/a.png");
  write_file(folder / "sets/ds/labels/a.txt", kTwoRows);
  write_file(folder / "cfg/data.yaml", "path: ds\ntrain: images\nnames: [car]\n");
  {
    const WorkingFolder inside(folder / "sets");
    expect("../cfg/data.yaml", 1, 2);
    expect(spec("cfg/data.yaml"), 1, 2);
  }
  // The files moved, with the path of another machine: they lie beside the file.
  write_file(folder / "sets/ds/data.yaml", "path: /content/ds\ntrain: images\nnames: [car]\n");
  EXPECT_THAT(expect(spec("sets/ds/data.yaml"), 1, 2).set.notes, note("'images' is taken as"));
}

TEST_F(LayoutsTest, RoboflowsParentFolderIsItsOwn) {
  for (const char* part : {"train", "valid"}) {
    image(std::string(part) + "/images/a.png");
    write_file(folder / part / "labels/a.txt", kTwoRows);
  }
  yaml("train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['car']\n");
  expect(spec("data.yaml:train"), 1, 2);
  expect(spec("data.yaml:val"), 1, 2);
  EXPECT_THAT(error_for("data.yaml:test"),
              AllOf(HasSubstr("'../test/images': no such folder"), HasSubstr("looked for")));
  // Where the parent's exists it is meant.
  image("cfg/train/images/wrong.png");
  write_file(folder / "cfg/train/labels/wrong.txt", kTwoRows);
  write_file(folder / "cfg/data.yaml", "train: ../train/images\nnames: [car]\n");
  EXPECT_EQ(fs::path(expect(spec("cfg/data.yaml"), 1, 2).set.images[0].file).filename(), "a.png");
}

TEST_F(LayoutsTest, OurYoloExportHasNoPathThatDependsOnTheWorkingFolder) {
  image("images/a.png");
  write_file(folder / "annotations.json", coco("a.png"));
  write_data("yolo", folder / "out", open_data(spec()));
  EXPECT_THAT(read_file(folder / "out/data.yaml"), Not(HasSubstr("path:")));
  const WorkingFolder elsewhere(folder / "images");
  expect("../out", 1, 2);
}

TEST_F(LayoutsTest, DarknetAsCvatExportsIt) {
  image("obj_train_data/part/a.png");
  write_file(folder / "obj_train_data/part/a.txt", kTwoRows);
  write_file(folder / "obj.names", "car\nbus\n");
  write_file(folder / "train.txt", "data/obj_train_data/part/a.png\n");
  write_file(folder / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n");
  EXPECT_THAT(expect(spec(), 1, 2, "yolo").set.classes, ElementsAre("car", "bus"));
  expect(spec("obj.data:train"), 1, 2);
  write_file(folder / "obj.data", "classes = 3\ntrain = data/train.txt\nnames = data/obj.names\n");
  EXPECT_THAT(error_for(), AllOf(HasSubstr("classes 3"), HasSubstr("2 names")));
}

TEST_F(LayoutsTest, LabelStudioHasNoDataYaml) {
  yolo_image("a.png");
  write_file(folder / "classes.txt", "car\n");
  write_file(folder / "notes.json", "{}");
  expect(spec(), 1, 2, "yolo");
}

TEST_F(LayoutsTest, CocoFileNamesInEverySpelling) {
  image("images/a b.png");
  for (const char* name : {"a b.png", "images/a b.png", "images\\\\a b.png", "a%20b.png", "images/a%20b.png",
                           "/data/upload/1/a b.png", "..\\\\x\\\\a%20b.png"}) {
    write_file(folder / "result.json", coco(name));
    expect(spec("result.json"), 1, 2);
    expect(spec(), 1, 2, "coco");
    expect(spec("result.json:" + spec("images")), 1, 2);
    const WorkingFolder inside(folder.path());
    expect("result.json", 1, 2);
    expect("result.json:images", 1, 2);
  }
}

TEST_F(LayoutsTest, CocoImagesBesideAnnotations) {
  image("one/images/a.png");
  write_file(folder / "one/annotations/instances_default.json", coco("a.png"));
  write_file(folder / "one/annotations/captions_default.json", "{}");
  expect(spec("one/annotations/instances_default.json"), 1, 2);
  expect(spec("one"), 1, 2, "coco");
  for (const char* part : {"train", "val"}) {
    image(std::string("two/images/") + part + "/a.png");
    image(std::string("three/") + part + "2017/a.png");
    write_file(folder / "two/annotations" / (std::string("instances_") + part + ".json"), coco("a.png"));
    write_file(folder / "three/annotations" / (std::string("instances_") + part + "2017.json"), coco("a.png"));
  }
  EXPECT_EQ(expect(spec("two:val"), 1, 2).set.image_folder, folder / "two/images/val");
  EXPECT_THAT(error_for("two"), HasSubstr("has the sets train, val: name one, " + spec("two:val")));
  EXPECT_EQ(expect(spec("three:train2017"), 1, 2).set.image_folder.filename(), "train2017");
  const WorkingFolder inside(folder / "three/annotations");
  expect("instances_val2017.json", 1, 2);
}

TEST_F(LayoutsTest, CocoImagesInTheOnlyFolderThatHasThem) {
  image("sahi/val_images_320_02/a_0_0.png");
  write_file(folder / "sahi/val_320_02.json", coco("a_0_0.png"));
  EXPECT_THAT(expect(spec("sahi/val_320_02.json"), 1, 2).set.notes, note("taken from"));
  image("aitod/val/images/a.png");
  write_file(folder / "aitod/annotations/aitod_val_v1.json", coco("a.png"));
  expect(spec("aitod/annotations/aitod_val_v1.json"), 1, 2);
  image("aitod/other/a.png");  // now it may be either
  EXPECT_THAT(check_data(spec("aitod/annotations/aitod_val_v1.json")).problems,
              Contains(Field(&Problem::what, AllOf(HasSubstr("none of 1 images"), HasSubstr("IMAGE_DIR")))));
  image("sibling/B/images/a.png");  // another set's
  write_file(folder / "sibling/A/set.json", coco("a.png"));
  EXPECT_THAT(check_data(spec("sibling/A/set.json")).problems, note("no such image file"));
}

TEST_F(LayoutsTest, AnAbsoluteNameIsThatImage) {
  image("a/0001.png");
  image("b/0001.png");
  const std::string copy = read_file(folder / "b/0001.png");
  write_file(folder / "b/0001.png", copy + "more");
  write_file(folder / "a/set.json", coco(spec("b/0001.png")));
  EXPECT_THAT(error_of([&] { open_data(spec("a/set.json")); }), HasSubstr("is another image than"));
  expect(spec("a/set.json") + ":" + spec("a"), 1, 2);  // whoever says so means it
  write_file(folder / "b/0001.png", copy);
  expect(spec("a/set.json"), 1, 2);
}

TEST_F(LayoutsTest, KnownLayoutsThatAreNotReadAreNamed) {
  write_file(folder / "vid/annotations/s1.txt", "1,0,10,10,20,20,1,4,0,0\n");
  image("vid/sequences/s1/0000001.png");
  EXPECT_THAT(error_for("vid"), HasSubstr("VisDrone-VID"));
  write_file(folder / "cvat/Annotations/a.xml", kVoc);
  EXPECT_THAT(error_for("cvat"), HasSubstr("VOC without its images"));
  write_file(folder / "cvat/annotations.xml", "<annotations/>");
  EXPECT_THAT(error_for("cvat"), HasSubstr("CVAT for images"));
}

TEST_F(LayoutsTest, VocBesideTheImagesAndUnderOtherNames) {
  image("beside/a.png");
  write_file(folder / "beside/a.xml", kVoc);
  expect(spec("beside"), 1, 1, "voc");
  image("named/images/a.png");
  write_file(folder / "named/annotations/a.xml", kVoc);
  expect(spec("named"), 1, 1, "voc");
  image("cased/Images/a.png");
  write_file(folder / "cased/Annotations/a.xml", kVoc);
  expect(spec("cased"), 1, 1, "voc");
}

TEST_F(LayoutsTest, VocListsNameImagesInMoreThanOneWay) {
  for (const char* stem : {"DJI 0001", "DJI 0002", "plain", "frame 1"}) {
    image(std::string("JPEGImages/") + stem + ".png");
    write_file(folder / "Annotations" / (std::string(stem) + ".xml"), kVoc);
  }
  const auto list = [&](const std::string& lines) { write_file(folder / "ImageSets/Main/l.txt", lines); };
  list("DJI 0001\r\nDJI 0002\r\n");
  expect(spec() + ":l", 2, 2);
  list("DJI 0001.png\nplain.jpg\n");
  expect(spec() + ":l", 2, 2);
  list("plain -1\nDJI 0002  1\nframe 1\n");
  expect(spec() + ":l", 3, 3);
  list("plain\nnobody\n");
  EXPECT_THAT(error_of([&] { open_data(spec() + ":l"); }), HasSubstr("'nobody' has no image"));
}

// ---- right data in another writer's hand

TEST_F(LayoutsTest, ACategoryNamedTwiceIsOneClass) {
  image("images/a.png");
  write_file(folder / "annotations.json", coco("a.png", R"({"id": 0, "name": "car"}, {"id": 1, "name": "car"})"));
  const AnnotationSet set = expect(spec(), 1, 2).set;
  EXPECT_THAT(set.classes, ElementsAre("car"));
  EXPECT_EQ(class_of_id(set).at(0), 0);
  EXPECT_EQ(class_of_id(set).at(1), 0);
  EXPECT_THAT(set.notes, note("class 'car' stands twice"));
  yolo_image("a.png", "0 0.5 0.5 0.1 0.1\n1 0.25 0.5 0.1 0.1\n");
  yaml("val: images\nnames: [car, car, bus]\n");
  fs::remove(folder / "annotations.json");
  const AnnotationSet yolo = expect(spec(), 1, 2).set;
  EXPECT_THAT(yolo.classes, ElementsAre("car", "bus"));
  EXPECT_EQ(yolo.images[0].objects[1].class_index, 0);
}

TEST_F(LayoutsTest, RoboflowsRootCategoryIsNoClass) {
  image("images/a.png");
  write_file(folder / "annotations.json", coco("a.png", R"({"id": 0, "name": "vehicles", "supercategory": "none"},
                              {"id": 1, "name": "car", "supercategory": "vehicles"})"));
  const AnnotationSet set = expect(spec(), 1, 2).set;
  EXPECT_THAT(set.classes, ElementsAre("car"));
  EXPECT_THAT(set.class_ids, ElementsAre(1));
  EXPECT_EQ(set.images[0].objects[0].class_index, 0);
  EXPECT_THAT(set.notes, note("'vehicles' is no class"));
  // COCO's own "person" stands above itself; a class without objects stays.
  write_file(folder / "annotations.json", coco("a.png", R"({"id": 0, "name": "person", "supercategory": "person"},
                                                           {"id": 1, "name": "car", "supercategory": "vehicle"})"));
  EXPECT_THAT(expect(spec(), 1, 2).set.classes, ElementsAre("person", "car"));
  // Above another one, too.
  write_file(folder / "annotations.json", coco("a.png", R"({"id": 1, "name": "rider", "supercategory": "person"},
                                                           {"id": 0, "name": "person", "supercategory": "person"})"));
  EXPECT_THAT(expect(spec(), 1, 2).set.classes, ElementsAre("person", "rider"));
  // Of another id it is a class that this part has no object of.
  write_file(folder / "annotations.json", coco("a.png", R"({"id": 1, "name": "car", "supercategory": "vehicle"},
                                                           {"id": 2, "name": "vehicle", "supercategory": "none"})"));
  EXPECT_THAT(expect(spec(), 1, 2).set.classes, ElementsAre("car", "vehicle"));
}

TEST_F(LayoutsTest, IdsLongerThanSixtyFourBits) {
  image("images/a.png");
  write_file(folder / "annotations.json", R"({"images": [{"id": 12345678901234567890, "file_name": "a.png"}],
    "categories": [{"id": 1, "name": "car"}], "annotations": [{"id": 98765432109876543210987, "image_id": 12345678901234567890,
    "category_id": 1, "bbox": [100, 100, 40, 30]}]})");
  EXPECT_EQ(expect(spec(), 1, 1).set.images[0].id_text, "12345678901234567890");
}

TEST_F(LayoutsTest, WholeFloatsAndNulls) {
  image("a.png");
  write_file(folder / "set.json",
             R"({"images": [{"id": 1.0, "file_name": "a.png", "width": 640.0, "height": 480.0, "license": null}],
                 "annotations": [{"id": 1.0, "image_id": 1.0, "category_id": 1e0, "bbox": [1, 2, 3, 4], "area": null,
                                  "iscrowd": null, "segmentation": null, "attributes": null},
                                 {"id": null, "image_id": 1, "category_id": 1.0, "bbox": [9, 9, 3, 4], "iscrowd": 1.0}],
                 "categories": [{"id": 1.0, "name": "car", "supercategory": null}]})");
  const AnnotationSet set = expect(spec("set.json"), 1, 2).set;
  EXPECT_EQ(set.images[0].objects[0].area, -1);
  EXPECT_FALSE(set.images[0].objects[0].crowd);
  EXPECT_TRUE(set.images[0].objects[1].crowd);
  write_file(folder / "set.json", R"({"images": [{"id": null, "file_name": "a.png"}], "annotations": [],
                                      "categories": [{"id": 1, "name": "car"}]})");
  EXPECT_THAT(error_for("set.json"), HasSubstr("$.images[0].id: missing, expected an integer"));
}

TEST_F(LayoutsTest, YoloPolygonsAndOrientedBoxes) {
  yaml();
  yolo_image("a.png", "0 0.1 0.2 0.3 0.25 0.2 0.5\n0 0.5 0.5 0.6 0.4 0.7 0.5 0.6 0.6\n");
  const AnnotationSet set = expect(spec(), 1, 2).set;
  EXPECT_NEAR(set.images[0].objects[0].box.x, 64, 1e-9);
  EXPECT_NEAR(set.images[0].objects[0].box.h, 144, 1e-9);
  EXPECT_NEAR(set.images[0].objects[1].box.w, 128, 1e-9);
  EXPECT_THAT(set.notes, note("2 rows are polygons or oriented boxes"));
  const auto error_for_rows = [&](const std::string& rows) {
    write_file(folder / "labels/a.txt", rows);
    return error_for();
  };
  EXPECT_THAT(error_for_rows("0 0.1 0.1 0.2 0.2 0.3 0.1 0.5\n"), HasSubstr("a.txt:1: got 8 fields"));
  EXPECT_THAT(error_for_rows("0 0.1 0.1 0.2 0.2 0.3\n"), HasSubstr("a.txt:1: got 6 fields"));
  EXPECT_THAT(error_for_rows("0 0.1 0.1 0.2 0.2 0.3 1.3\n"), HasSubstr("got 1.3 for a point"));
  EXPECT_THAT(error_for_rows("0 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.2 0.3 0.1\n"),
              HasSubstr("a.txt:2: boxes and polygons in one file"));
}

TEST_F(LayoutsTest, KeyPointsAreNoPolygons) {
  yaml("val: images\nnames: [car]\nkpt_shape: [2, 2]\n");
  yolo_image("a.png", "0 0.5 0.5 0.1 0.1 0.01 0.01 0.99 0.99\n");
  EXPECT_NEAR(expect(spec(), 1, 1).set.images[0].objects[0].box.w, 64, 1e-9);
  write_file(folder / "labels/a.txt", kTwoRows);
  EXPECT_THAT(error_for(), HasSubstr("got 5 fields, expected 9"));
}

TEST_F(LayoutsTest, CocoPolygonsAndTurnedBoxes) {
  image("a.png");
  const auto with = [&](const std::string& annotation) {
    write_file(folder / "set.json", R"({"images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "car"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, )" +
                                        annotation + "}]}");
  };
  with(R"("segmentation": [[10, 20, 30, 20, 30, 50], [5, 30, 6, 31, 7, 30]])");
  const AnnotationSet set = expect(spec("set.json"), 1, 1).set;
  EXPECT_EQ(set.images[0].objects[0].box, (BoxXywh{5, 20, 25, 30}));
  EXPECT_THAT(set.notes, note("1 annotations have polygons alone"));
  with(R"("bbox": [], "segmentation": [[10, 20, 30, 20, 30, 50]])");
  expect(spec("set.json"), 1, 1);
  with(R"("segmentation": [[10, 20, 30, 20, 30]])");
  EXPECT_THAT(error_for("set.json"), HasSubstr("$.annotations[0].segmentation[0]: got half a point"));
  with(R"("segmentation": {"counts": "abc", "size": [1, 2]})");
  EXPECT_THAT(error_for("set.json"), HasSubstr("$.annotations[0].bbox: missing"));
  with(R"("bbox": [100, 100, 40, 20], "attributes": {"rotation": 90.0, "occluded": false})");
  const BoxXywh turned = expect(spec("set.json"), 1, 1).set.images[0].objects[0].box;
  EXPECT_NEAR(turned.x, 110, 1e-9);
  EXPECT_NEAR(turned.y, 90, 1e-9);
  EXPECT_NEAR(turned.w, 20, 1e-9);
  EXPECT_NEAR(turned.h, 40, 1e-9);
}

TEST_F(LayoutsTest, VocTurnedBoxes) {
  image("a.png");
  write_file(folder / "a.xml",
             "<annotation><object><name>car</name><robndbox><cx>100</cx><cy>100</cy><w>40</w><h>40</h>"
             "<angle>" +
                 std::to_string(std::numbers::pi / 4) + "</angle></robndbox></object></annotation>");
  const AnnotationSet set = expect(spec(), 1, 1).set;
  EXPECT_NEAR(set.images[0].objects[0].box.w, 40 * std::sqrt(2.0), 1e-4);
  EXPECT_THAT(set.notes, note("1 boxes are turned"));
}

// ---- two statements of one fact

TEST_F(LayoutsTest, ClassCountsThatDisagreeAreRefused) {
  yolo_image("a.png");
  yaml("val: images\nnc: 5\nnames: [car, bus]\n");
  EXPECT_THAT(error_for(), AllOf(HasSubstr("data.yaml:2: got nc 5"), HasSubstr("2 names")));
  yaml("val: images\nnc: 478566\n");  // each would be made a name
  EXPECT_THAT(error_for(), HasSubstr("data.yaml:2: got nc '478566', expected a number of classes, at most 100000"));
  yaml("val: images\nnc: 2\n");
  EXPECT_THAT(expect(spec(), 1, 2).set.classes, ElementsAre("class_0", "class_1"));
  yaml("val: images\nnc: 100000\n");  // in seconds, if each is compared with all
  EXPECT_EQ(open_data(spec()).classes.back(), "class_99999");
}

TEST_F(LayoutsTest, RepeatedAnnotationIdsAndFilesAreSaid) {
  image("a.png");
  const std::string text = R"({"images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480},
                                          {"id": 2, "file_name": "./a.png", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]},
                        {"id": 7, "image_id": 1, "category_id": 1, "bbox": [20, 1, 9, 9]}]})";
  write_file(folder / "set.json", text);
  const CheckResult result = check_data(spec("set.json"));
  EXPECT_THAT(result.set.notes, note("pycocotools keeps one of each id"));
  EXPECT_THAT(result.problems, note(spec("a.png") + " is one file under two ids, 1 and 2"));
  EXPECT_THAT(result.problems, note("7 stands twice"));
  EXPECT_THAT(error_of([&] { open_data(spec("set.json")); }), HasSubstr("one file under two ids"));
}

TEST_F(LayoutsTest, AnImageOfAnotherFolderIsNotTaken) {
  image("nest/images/a/0001.png");
  image("nest/images/b/0001.png");
  const std::string a = ":" + spec("nest/images/a");
  write_file(folder / "b.json", coco("b/0001.png"));
  EXPECT_THAT(error_of([&] { open_data(spec("b.json") + a); }),
              AllOf(HasSubstr("file_name 'b/0001.png' is not in"), HasSubstr("IMAGE_DIR")));
  EXPECT_THAT(check_data(spec("b.json") + a).problems, note("file_name 'b/0001.png'"));
  expect(spec("b.json") + ":" + spec("nest/images"), 1, 2);
  expect(spec("b.json") + ":" + spec("nest/images/b/"), 1, 2);
  for (const char* name : {"a/0001.png", "images/a/0001.png", "D:\\\\x\\\\0001.png", "/x/b/0001.png"}) {
    write_file(folder / "a.json", coco(name));
    expect(spec("a.json") + a, 1, 2);
  }
  write_file(folder / "both.json", R"({"images": [{"id": 1, "file_name": "/x/a/0001.png", "width": 640, "height": 480},
                                                  {"id": 2, "file_name": "/x/b/0001.png", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "car"}], "annotations": []})");
  EXPECT_THAT(error_of([&] { open_data(spec("both.json") + a); }), HasSubstr("one file under two ids"));
}

TEST_F(LayoutsTest, ASetWithoutAnyObjectIsAProblem) {
  image("images/a.png");
  write_file(folder / "labels/a.txt", "");
  yaml();
  EXPECT_THAT(check_data(spec()).problems, note("none of 1 images has an object"));
}

// ---- the picture that was labelled

class OrientationTest : public LayoutsTest {
 protected:
  void SetUp() override {
    write_tiny_image(folder / "plain.png", 640, 480);
    write_file(folder / "images/a.png", exif::in_png(read_file(folder / "plain.png"), 6));
  }
};

TEST_F(OrientationTest, YoloBoxesLieInTheUprightPicture) {
  write_file(folder / "labels/a.txt", "0 0.270833 0.6875 0.125 0.125\n");
  yaml();
  const AnnotationSet set = expect(spec(), 1, 1).set;
  EXPECT_EQ(set.images[0].width, 480);
  EXPECT_NEAR(set.images[0].objects[0].box.x, 100, 1e-3);
  EXPECT_NEAR(set.images[0].objects[0].box.y, 400, 1e-3);
  EXPECT_THAT(set.notes, note("EXIF orientation 6, is turned upright"));
  const AnnotationSet stored = expect("orientation=stored," + spec(), 1, 1).set;
  EXPECT_EQ(stored.images[0].width, 640);
  EXPECT_THAT(write_data("coco", folder / "out", stored).lost,
              Contains(Field(&std::pair<std::string, int64_t>::first, HasSubstr("orientation=stored"))));
}

TEST_F(OrientationTest, ACocoSizeTellsTheFrame) {
  const auto with = [&](int width, int height) {
    write_file(folder / "set.json", R"({"images": [{"id": 1, "file_name": "a.png", "width": )" + std::to_string(width) +
                                        R"(, "height": )" + std::to_string(height) + R"(}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [100, 400, 60, 80]}]})");
  };
  with(480, 640);
  expect(spec("set.json"), 1, 1);
  with(640, 480);
  EXPECT_THAT(check_data(spec("set.json")).problems,
              Contains(AllOf(Field(&Problem::where, HasSubstr("a.png")),
                             Field(&Problem::what, HasSubstr("orientation=stored,SPEC reads it as it is stored")))));
  EXPECT_THAT(check_data("orientation=stored," + spec("set.json")).problems, Not(note("annotations say")));
}

TEST_F(OrientationTest, PrefixesAreChecked) {
  EXPECT_THAT(error_of([&] { open_data("orientation=left," + spec()); }), HasSubstr("expected upright or stored"));
  EXPECT_THAT(error_of([&] { open_data("depth=type"); }), HasSubstr("no comma after the depth"));
  write_file(folder / "labels/a.txt", "0 0.5 0.5 0.1 0.1\n");
  yaml();
  EXPECT_EQ(open_data("depth=type,format=yolo,orientation=stored," + spec()).images[0].width, 640);
}

}  // namespace
}  // namespace skylift
