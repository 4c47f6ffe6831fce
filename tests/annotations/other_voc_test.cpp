// VOC sets as other tools write them.
#include "tests/annotations/other_writers.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;
using testing::kRow;
using testing::kXml;
using testing::note;
using testing::OtherWritersTest;
using ::testing::SizeIs;
using testing::xml;

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

TEST_F(OtherWritersTest, DarknetsVocFolders) {
  image("VOC2007/JPEGImages/a.png");
  write_file(folder / "VOC2007/labels/a.txt", kRow);
  write_file(folder / "cfg/voc.data", "classes = 1\ntrain = VOC2007/train.txt\nnames = data/voc.names\n");
  write_file(folder / "VOC2007/train.txt", "VOC2007/JPEGImages/a.png\n");
  write_file(folder / "data/voc.names", "car\n");
  expect("cfg/voc.data", 1);
}

}  // namespace
}  // namespace skylift
