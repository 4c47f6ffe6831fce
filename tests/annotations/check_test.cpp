#include "skylift/annotations/check.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "skylift/annotations/data_write.h"
#include "skylift/annotations/image_files.h"
#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"
#include "tests/tiny_image.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto problem(const std::string& where, const std::string& what) {
  return AllOf(Field(&Problem::where, EndsWith(where)), Field(&Problem::what, HasSubstr(what)));
}

TEST(CheckTest, VisdroneProblemsNameFileAndLine) {
  TempFolder folder;
  for (const char* name : {"a", "b", "c", "d"})
    write_tiny_image(folder / (std::string("images/") + name + ".png"), 100, 80);
  write_file(folder / "annotations/a.txt",
             "1,2,3,4,1,4,0,0\nwrong\n90,2,11,4,1,4,0,0\n5,5,0,4,1,1,0,0\n1,2,3,4,1,4,0,0\n1,2,3,4,1,5,0,0\n-1,2,3,4,1,"
             "11,0,0\n");
  write_file(folder / "annotations/b.txt", "");
  write_file(folder / "annotations/c.txt", "200,0,5,5,1,1,0,0\n");
  fs::resize_file(folder / "images/b.png", 30);
  write_file(folder / "images/c.png", "nothing of an image");
  const CheckResult result = check_data(folder.path().string());
  EXPECT_THAT(
      result.problems,
      ElementsAre(
          problem("annotations/a.txt:2", "got 'wrong' for x"), problem("annotations/d.txt", "missing"),
          problem("annotations/a.txt:3", "car at x 90, y 2, w 11, h 4: reaches outside its image of 100 x 80 px"),
          problem("annotations/a.txt:4", "pedestrian at x 5, y 5, w 0, h 4: has no area"),
          problem("annotations/a.txt:7", "object of no class"),
          problem("annotations/a.txt:5", "stands twice, also at " + (folder / "annotations/a.txt:1").string()),
          problem("images/b.png", "cut off: no IEND chunk"), problem("images/c.png", "not an image")));
  EXPECT_EQ(result.set.images.size(), 4u);
  EXPECT_EQ(result.set.images[0].width, 100);
}

TEST(CheckTest, CocoNamesThatLeaveTheImageFolderAreReportedAndNotCopied) {
  TempFolder folder;
  write_tiny_image(folder / "secret.png", 10, 10);
  const fs::path place = folder / "of/somebody/set";  // deeper than the folders in which images are looked for
  const std::vector<std::string> names = {"../../../../secret.png", "a/../../../../../secret.png",
                                          (folder / "secret.png").string()};
  for (const std::string& name : names) {
    const std::string image = "{\"id\": 1, \"file_name\": \"" + name + "\", \"width\": 10, \"height\": 10}";
    write_file(place / "annotations.json", "{\"images\": [" + image + "], \"annotations\": [], \"categories\": []}");
    fs::create_directories(place / "images");
    EXPECT_THAT(check_data(place.string()).problems,
                ::testing::Contains(problem("annotations.json", "leaves the image folder")))
        << name;
    const AnnotationSet set = open_data(place.string());
    EXPECT_THAT(error_of([&] { write_data("coco", folder / "copy", set, ImagePlacement::copy); }),
                HasSubstr("so it is not copied"))
        << name;
    EXPECT_FALSE(fs::exists(folder / "copy/images/secret.png"));
    fs::remove_all(folder / "copy");
  }
}

TEST(CheckTest, CocoNamesLongerThanAnyFilesAreReported) {
  TempFolder folder;
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "a/";
  for (const std::string& name : {std::string(300, 'x'), deep + "b"}) {
    const std::string image = R"({"id": 1, "file_name": ")" + name + R"(", "width": 10, "height": 10})";
    write_file(folder / "set.json", R"({"images": [)" + image + R"(], "annotations": [], "categories": []})");
    EXPECT_THAT(check_data((folder / "set.json").string()).problems,
                ::testing::Contains(problem(name, "no such image file")));
  }
  EXPECT_THAT(path_spellings(deep), ElementsAre(deep));  // each as long as the rest of it: the square in memory
}

TEST(CheckTest, CocoProblemsNameTheJsonPath) {
  TempFolder folder;
  write_tiny_image(folder / "a.png", 100, 80);
  write_file(
      folder / "set.json",
      R"({"images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 81}, {"id": 2, "file_name": "b.png", "width": 5, "height": 5}],
                 "annotations": [{"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]},
                                 {"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 1, -5, 5]},
                                 {"id": 10, "image_id": 2, "category_id": 1, "bbox": [1, 1, 5, 5]},
                                 {"id": 11, "image_id": 2, "category_id": 7, "bbox": [1, 1, 5, 5]}],
                 "categories": [{"id": 1, "name": "car"}]})");
  EXPECT_THAT(check_data((folder / "set.json").string()).problems,
              ElementsAre(problem("set.json: $.annotations[3].category_id", "got 7"),
                          problem("a.png", "is 100 x 80 px, but the annotations say 100 x 81"),
                          problem("set.json: $.annotations[1]", "has no area"), problem("b.png", "no such image file"),
                          problem("set.json: $.annotations[2]", "reaches outside"),
                          problem("set.json: $.annotations[1].id", "9 stands twice, also at $.annotations[0]")));
}

TEST(CheckTest, EveryFormatPointsAtItsOwnFiles) {
  TempFolder folder;
  AnnotationSet set;
  set.image_folder = folder / "source";
  set.classes = {"car"};
  set.class_ids = {1};
  set.images = {ImageRecord{"S1/img000001.png", 1, 100, 100, {}, {}}};
  set.images[0].objects = {Object{{10, 10, 5, 5}}, Object{{1, 2, 3, 4}}, Object{{10, 10, 5, 5}}};
  write_tiny_image(set.image_path(set.images[0]), 100, 100);
  const std::vector<std::pair<std::string, std::string>> expected = {{"visdrone", "annotations/img000001.txt:3"},
                                                                     {"coco", "annotations.json: $.annotations[2]"},
                                                                     {"voc", "Annotations/img000001.xml:32"},
                                                                     {"yolo", "labels/S1/img000001.txt:3"},
                                                                     {"uavdt", "GT/S1_gt_whole.txt:3"}};
  for (const auto& [format, where] : expected) {
    write_data(format, folder / format, set);
    EXPECT_THAT(check_data((folder / format).string()).problems,
                ElementsAre(problem(where, "car at x 10, y 10, w 5, h 5: stands twice")));
  }
}

TEST(CheckTest, AJpegWithoutItsEndIsCutOff) {
  const char* root = std::getenv("SKYLIFT_VISDRONE");
  if (!root) GTEST_SKIP() << "SKYLIFT_VISDRONE names no folder with VisDrone's train/ and val/";
  TempFolder folder;
  AnnotationSet set = open_data((fs::path(root) / "val").string());
  set.images.resize(3);
  write_data("visdrone", folder / "val", set, ImagePlacement::copy);
  EXPECT_THAT(check_data((folder / "val").string()).problems, IsEmpty());
  const fs::path victim = folder / "val/images" / set.images[1].file;
  fs::permissions(victim, fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(victim, fs::file_size(victim) / 2);
  EXPECT_THAT(check_data((folder / "val").string()).problems,
              ElementsAre(problem(set.images[1].file, "cut off: no JPEG end marker")));
}

TEST(CheckTest, AnEmptySetIsAProblemAndAbsenceAnError) {
  TempFolder folder;
  fs::create_directories(folder / "images");
  fs::create_directories(folder / "annotations");
  EXPECT_THAT(check_data(folder.path().string()).problems, ElementsAre(problem(folder.path().string(), "no images")));
  EXPECT_THAT(error_of([&] { check_data((folder / "absent").string()); }), HasSubstr("no such file or folder"));
}

}  // namespace
}  // namespace skylift
