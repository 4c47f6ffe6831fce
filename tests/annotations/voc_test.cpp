#include "skylift/annotations/voc.h"

#include <gmock/gmock.h>

#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::string_literals;

const char* kDog = R"(<annotation>
  <filename>other name.jpg</filename>
  <size><width>500</width><height>375</height><depth>3</depth></size>
  <object>
    <name>dog</name><pose>Left</pose><truncated>1</truncated><occluded>0</occluded>
    <bndbox><xmax>195</xmax><xmin>48</xmin><ymin>240.5</ymin><ymax>371</ymax></bndbox>
    <difficult>1</difficult>
  </object>
  <object><name>person</name><truncated>Unspecified</truncated>
    <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>2</xmin></bndbox></part></object>
</annotation>)";

class VocTest : public ::testing::Test {
 protected:
  void add(const std::string& stem, const std::string& xml) {
    write_file(folder / ("JPEGImages/" + stem + ".jpg"), "x");
    write_file(folder / ("Annotations/" + stem + ".xml"), xml);
  }
  std::string error_for(const std::string& xml) {
    add("a", xml);
    return error_of([&] { read_voc(folder.path()); });
  }
  static std::string object(const std::string& inside) {
    return "<annotation>\n<object>\n" + inside + "\n</object>\n</annotation>";
  }

  TempFolder folder;
};

TEST_F(VocTest, ReadsOneBasedInclusiveCorners) {
  add("a", kDog);
  const AnnotationSet set = open_data(folder.path().string());
  EXPECT_EQ(set.format, "voc");
  EXPECT_THAT(set.classes, ElementsAre("dog", "person"));  // and not VOC's twenty
  ASSERT_THAT(set.images, SizeIs(1));
  EXPECT_EQ(set.images[0].file, "a.jpg");
  EXPECT_EQ(set.images[0].width, 500);
  EXPECT_EQ(set.images[0].height, 375);
  ASSERT_THAT(set.images[0].objects, SizeIs(2));
  const Object& dog = set.images[0].objects[0];
  EXPECT_EQ(dog.box, (BoxXywh{47, 239.5, 148, 131.5}));
  EXPECT_EQ(set.classes[static_cast<size_t>(dog.class_index)], "dog");
  EXPECT_EQ(dog.truncation, 1);
  EXPECT_TRUE(dog.difficult);
  EXPECT_EQ(dog.line, 4);
  EXPECT_EQ(set.images[0].objects[1].box, (BoxXywh{0, 0, 1, 1}));
  EXPECT_EQ(set.images[0].objects[1].truncation, 0);
}

TEST_F(VocTest, SplitsAndClassesComeFromTheirLists) {
  add("a", kDog);
  add("b", kDog);
  write_file(folder / "ImageSets/Main/val.txt", "b  1\n");
  write_file(folder / "classes.txt", "person\ndog\n");
  const AnnotationSet set = open_data(folder.path().string() + ":val");
  EXPECT_THAT(set.classes, ElementsAre("person", "dog"));
  ASSERT_THAT(set.images, SizeIs(1));
  EXPECT_EQ(set.images[0].file, "b.jpg");
  EXPECT_EQ(set.images[0].objects[0].class_index, 1);
  std::filesystem::remove(folder / "classes.txt");
  add("c", object("<name>car</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>"));
  EXPECT_THAT(open_data(folder.path().string() + ":val").classes, ElementsAre("car", "dog", "person"));
  write_file(folder / "ImageSets/Main/val.txt", "d\n");
  EXPECT_THAT(error_of([&] { open_data(folder.path().string() + ":val"); }), HasSubstr("'d' has no image"));
  EXPECT_THAT(error_of([&] { open_data(folder.path().string() + ":test"); }), HasSubstr("test.txt: cannot open"));
  write_file(folder / "classes.txt", "person\n");
  EXPECT_THAT(error_of([&] { open_data(folder.path().string()); }),
              AllOf(HasSubstr("a.xml:4: got class 'dog', which is not in "), EndsWith("classes.txt (known: person)")));
}

TEST_F(VocTest, MistakesNameFileAndLine) {
  EXPECT_THAT(error_for("<annotation>\n<object>\n</annotation>"), HasSubstr("a.xml:3: not XML"));
  EXPECT_THAT(error_for(""), HasSubstr("not XML"));
  EXPECT_THAT(error_for("<image/>"), HasSubstr("no <annotation>"));
  EXPECT_THAT(error_for(object("<bndbox/>")), EndsWith("a.xml:2: <object> has no <name>"));
  EXPECT_THAT(error_for(object("<name>a</name>")), EndsWith("a.xml:2: <object> has no <bndbox>"));
  EXPECT_THAT(error_for(object("<name>a</name>\n<bndbox><xmin>1</xmin></bndbox>")),
              EndsWith("a.xml:4: <bndbox> has no <ymin>, expected a number"));
  EXPECT_THAT(error_for(object("<name>a</name><bndbox>\n<xmin>1x</xmin></bndbox>")),
              EndsWith("a.xml:4: got '1x' for <xmin>, expected a number"));
  EXPECT_THAT(error_for("<annotation>\n<size><width>x</width></size></annotation>"),
              HasSubstr("a.xml:2: got 'x' for <width>"));
  std::filesystem::remove(folder / "Annotations/a.xml");
  EXPECT_THAT(error_of([&] { read_voc(folder.path()); }), HasSubstr("a.xml: missing"));
}

/// pugixml's offsets are those in its own UTF-8, which is longer than a file in Latin-1.
TEST_F(VocTest, Latin1IsReadAndItsLinesAreCounted) {
  const std::string accents(4000, '\xE9');
  const std::string latin1 = "<?xml version='1.0' encoding='iso-8859-1'?>\n<annotation>\n<folder>" + accents +
                             "</folder>\n<object>\n<name>caf\xE9</name>\n";
  add("a", latin1 + "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>");
  const AnnotationSet set = read_voc(folder.path());
  EXPECT_THAT(set.classes, ElementsAre("caf\xC3\xA9"));
  EXPECT_EQ(set.images.at(0).objects.at(0).line, 4);
  EXPECT_THAT(error_for(latin1 + "<bndbox>\n<xmin>x</xmin></bndbox></object></annotation>"),
              EndsWith("a.xml:7: got 'x' for <xmin>, expected a number"));
  EXPECT_THAT(error_for("\xFF\xFE<\0a\0/\0>\0"s), HasSubstr("expected UTF-8 or Latin-1"));
}

TEST_F(VocTest, SizesThatNoImageHasAreErrors) {
  for (const std::string width : {"1e300", "-1", "2147483648"}) {
    const std::string size = "<size><width>" + width + "</width><height>2</height></size>";
    EXPECT_THAT(error_for("<annotation>\n" + size + "</annotation>"), HasSubstr("a.xml:2: got ")) << width;
  }
}

TEST_F(VocTest, WritesWhatItReads) {
  AnnotationSet set;
  set.classes = {"a <b>"};
  set.images = {ImageRecord{"x.jpg", 1, 20, 10, {Object{{0, 1.5, 3, 4}, 0, 1, 1, false, false, true, -1, 0}}, {}}};
  write_voc(folder.path(), set);
  write_file(folder / "JPEGImages/x.jpg", "");
  const AnnotationSet back = read_voc(folder.path());
  EXPECT_EQ(back.classes, set.classes);
  EXPECT_EQ(back.images[0].width, 20);
  const Object& object = back.images[0].objects.at(0);
  EXPECT_EQ(object.box, (BoxXywh{0, 1.5, 3, 4}));
  EXPECT_EQ(object.occlusion, 1);
  EXPECT_TRUE(object.difficult);
}

/// A corner below 1 would be read as a set that counts pixels from 0, and all its boxes with it.
TEST_F(VocTest, WhatIsWrittenCountsFromOneWhereverItsBoxesLie) {
  AnnotationSet set;
  set.classes = {"car"};
  set.images = {ImageRecord{"x.jpg", 1, 20, 10, {Object{{-0.02, 1, 3, 4}}, Object{{5, 2, 6, 3}}}, {}},
                ImageRecord{"y.jpg", 2, 20, 10, {Object{{-4, 3, 3, 4}}, Object{{18, -0.5, 4, 20}}}, {}}};
  write_voc(folder.path(), set);
  write_file(folder / "JPEGImages/x.jpg", "");
  write_file(folder / "JPEGImages/y.jpg", "");
  const AnnotationSet back = read_voc(folder.path());
  ASSERT_THAT(back.images[0].objects, SizeIs(2));
  EXPECT_EQ(back.images[0].objects[0].box, (BoxXywh{0, 1, 2.98, 4}));
  EXPECT_EQ(back.images[0].objects[1].box, (BoxXywh{5, 2, 6, 3}));
  ASSERT_THAT(back.images[1].objects, SizeIs(1));
  EXPECT_EQ(back.images[1].objects[0].box, (BoxXywh{18, 0, 2, 10}));
}

}  // namespace
}  // namespace skylift
