#include "skylift/annotations/visdrone.h"

#include <gmock/gmock.h>

#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class VisdroneTest : public ::testing::Test {
 protected:
  void add(const std::string& stem, const std::string& lines) {
    write_file(folder / ("images/" + stem + ".jpg"), "not opened");
    write_file(folder / ("annotations/" + stem + ".txt"), lines);
  }
  std::string error_for(const std::string& lines) {
    add("a", lines);
    return error_of([&] { read_visdrone(folder.path()); });
  }

  TempFolder folder;
};

TEST_F(VisdroneTest, ReadsEveryColumnAndKeepsRegionsApart) {
  add("b", "684,8,273,116,0,0,0,0\r\n406,119,265,70,1,4,1,2,\r\n\n10,20,30.5,40,0,1,0,0\n1,2,3,4,1,11,0,0");
  add("a", "");
  const AnnotationSet set = open_data(folder.path().string());
  EXPECT_EQ(set.format, "visdrone");
  EXPECT_EQ(set.classes, visdrone_classes());
  EXPECT_THAT(set.class_ids, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  ASSERT_THAT(set.images, SizeIs(2));
  EXPECT_EQ(set.images[0].file, "a.jpg");
  EXPECT_THAT(set.images[0].objects, SizeIs(0));
  EXPECT_EQ(set.images[1].id, 2);
  EXPECT_EQ(set.image_path(set.images[1]), folder / "images/b.jpg");

  const ImageRecord& image = set.images[1];
  EXPECT_THAT(image.ignored_regions, ElementsAre(BoxXywh{684, 8, 273, 116}));
  ASSERT_THAT(image.objects, SizeIs(3));
  EXPECT_EQ(image.objects[0].box, (BoxXywh{406, 119, 265, 70}));
  EXPECT_EQ(image.objects[0].class_index, 3);
  EXPECT_EQ(image.objects[0].truncation, 1);
  EXPECT_EQ(image.objects[0].occlusion, 2);
  EXPECT_FALSE(image.objects[0].ignored);
  EXPECT_EQ(image.objects[1].box.w, 30.5);
  EXPECT_TRUE(image.objects[1].ignored);
  EXPECT_EQ(image.objects[2].class_index, -1);
}

TEST_F(VisdroneTest, MalformedLinesNameFileAndLine) {
  EXPECT_THAT(error_for("1,2,3,4,1,4,0,0\n1,2,3,4,1,4,0\n"),
              EndsWith("annotations/a.txt:2: got 7 fields in '1,2,3,4,1,4,0', expected 8 "
                       "(x,y,w,h,score,category,truncation,occlusion)"));
  EXPECT_THAT(error_for("1,2,3,4,1,4,0,0,9\n"), HasSubstr("a.txt:1: got 9 fields"));
  EXPECT_THAT(error_for("1,2,x,4,1,4,0,0\n"), HasSubstr("a.txt:1: got 'x' for w, expected a number"));
  EXPECT_THAT(error_for("1,2,,4,1,4,0,0\n"), HasSubstr("a.txt:1: got '' for w"));
  EXPECT_THAT(error_for("1,2,nan,4,1,4,0,0\n"), HasSubstr("got 'nan' for w"));
  EXPECT_THAT(error_for("1,2,3,4,1,12,0,0\n"),
              HasSubstr("a.txt:1: got 12 for category, expected an integer from 0 to 11"));
  EXPECT_THAT(error_for("1,2,3,4,1,1.5,0,0\n"), HasSubstr("got 1.5 for category"));
  EXPECT_THAT(error_for("1,2,3,4,1,1,0.5,0\n"), HasSubstr("got 0.5 for truncation"));
  EXPECT_THAT(error_for(std::string("\x01\x02", 2)), HasSubstr("got '?"
                                                               "?' for x"));
}

TEST_F(VisdroneTest, ProblemsCollectEveryBadLineAndKeepTheGoodOnes) {
  add("a", "1,2,3,4,1,4,0,0\nbad\n1,2,3,4,1,99,0,0\n5,6,7,8,1,1,0,0\n");
  write_file(folder / "images/b.jpg", "x");
  write_file(folder / "annotations/c.txt", "");
  Problems problems;
  const AnnotationSet set = read_visdrone(folder.path(), &problems);
  ASSERT_THAT(problems, SizeIs(4));
  EXPECT_THAT(problems[0].where, EndsWith("a.txt:2"));
  EXPECT_THAT(problems[1].where, EndsWith("a.txt:3"));
  EXPECT_THAT(problems[2].where, EndsWith("b.txt"));
  EXPECT_THAT(problems[2].what, HasSubstr("missing, expected the annotations of"));
  EXPECT_THAT(problems[3].where, EndsWith("c.txt"));
  EXPECT_THAT(problems[3].what, HasSubstr("no image of this name"));
  EXPECT_THAT(set.images[0].objects, SizeIs(2));
}

TEST_F(VisdroneTest, MissingPartsAreErrors) {
  EXPECT_THAT(error_of([&] { read_visdrone(folder.path()); }), HasSubstr("no folder images/"));
  write_file(folder / "images/a.jpg", "x");
  EXPECT_THAT(error_of([&] { read_visdrone(folder.path()); }), HasSubstr("no folder annotations/"));
  fs::create_directories(folder / "annotations");
  EXPECT_THAT(error_of([&] { read_visdrone(folder.path()); }), HasSubstr("missing, expected the annotations of"));
}

TEST_F(VisdroneTest, WritesWhatItReads) {
  add("a", "684,8,273,116,0,0,0,0\n406,119,265,70,1,4,1,2\n10,20,30.25,40,0,1,0,0\n1,2,3,4,1,11,0,0\n");
  const AnnotationSet set = read_visdrone(folder.path());
  write_visdrone(folder / "copy", set);
  EXPECT_EQ(read_file(folder / "copy/annotations/a.txt"),
            "406,119,265,70,1,4,1,2\n10,20,30.25,40,0,1,0,0\n1,2,3,4,1,11,0,0\n684,8,273,116,0,0,0,0\n");
}

TEST(DataSpecTest, UnknownPlacesAndFormatsSayWhatWasLookedFor) {
  TempFolder folder;
  EXPECT_THAT(error_of([&] { open_data((folder / "absent").string()); }), HasSubstr("no such file or folder"));
  EXPECT_THAT(error_of([&] { open_data(folder.path().string()); }), HasSubstr("looked for FILE.json"));
  EXPECT_THAT(error_of([&] { open_data("format=visdron," + folder.path().string()); }),
              HasSubstr("did you mean 'visdrone'"));
  EXPECT_THAT(error_of([&] { open_data("format=visdrone"); }), HasSubstr("expected format=NAME,PATH"));
}

}  // namespace
}  // namespace skylift
