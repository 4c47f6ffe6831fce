#include "skylift/annotations/yolo.h"

#include <gmock/gmock.h>

#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"
#include "tests/tiny_image.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class YoloTest : public ::testing::Test {
 protected:
  std::filesystem::path yaml(const std::string& text) {
    write_file(folder / "data.yaml", text);
    return folder / "data.yaml";
  }
  std::string error_for(const std::string& text, const std::string& split = "") {
    return error_of([&] { read_yolo(yaml(text), split); });
  }

  TempFolder folder;
};

TEST_F(YoloTest, ReadsNormalisedCentresRecursively) {
  write_tiny_image(folder / "set/images/train/s/a.png", 200, 100);
  write_tiny_image(folder / "set/images/train/b.png", 200, 100);
  write_file(folder / "set/labels/train/s/a.txt", "1 0.5 0.5 0.1 0.2\n0   0.05\t0.05 0.1 0.1 \n");
  const AnnotationSet set =
      open_data(yaml("path: set\ntrain: images/train\nnames: {1: bus, 0: car}\n").string() + ":train");
  EXPECT_EQ(set.format, "yolo");
  EXPECT_THAT(set.classes, ElementsAre("car", "bus"));
  EXPECT_THAT(set.class_ids, ElementsAre(0, 1));
  ASSERT_THAT(set.images, SizeIs(2));
  EXPECT_EQ(set.images[0].file, "images/train/b.png");
  EXPECT_THAT(set.images[0].objects, SizeIs(0));
  EXPECT_TRUE(std::filesystem::exists(set.image_path(set.images[1])));
  ASSERT_THAT(set.images[1].objects, SizeIs(2));
  const BoxXywh box = set.images[1].objects[0].box;
  EXPECT_NEAR(box.x, 90, 1e-9);
  EXPECT_NEAR(box.y, 40, 1e-9);
  EXPECT_NEAR(box.w, 20, 1e-9);
  EXPECT_NEAR(box.h, 20, 1e-9);
  EXPECT_EQ(set.images[1].objects[0].class_index, 1);
}

TEST_F(YoloTest, SplitsMayBeListsAndMustBeNamedWhereTheyDiffer) {
  write_tiny_image(folder / "x/images/a.png", 10, 10);
  write_tiny_image(folder / "y/images/b.png", 10, 10);
  write_file(folder / "x/labels/a.txt", "");
  write_file(folder / "lists/val.txt", "y/images/b.png\n./../x/images/a.png\n\n");
  const std::string text = "train: [x/images, y/images]\nval: lists/val.txt\ntest:\nnames: [car]\n";
  EXPECT_THAT(read_yolo(yaml(text), "train").images, SizeIs(2));
  EXPECT_THAT(read_yolo(yaml(text), "val").images, SizeIs(2));
  EXPECT_THAT(error_for(text), HasSubstr("has the splits train, val: name one, "));
  EXPECT_THAT(error_for(text, "vall"), HasSubstr("no split 'vall' (did you mean 'val'?)"));
  EXPECT_THAT(read_yolo(yaml("train: x/images\nval: x/images\nnames: [car]\n")).images, SizeIs(1));
  EXPECT_THAT(read_yolo(yaml("val: x/images\nnames: [car]\n")).images, SizeIs(1));
}

TEST_F(YoloTest, MistakesNameFileAndLine) {
  write_tiny_image(folder / "images/a.png", 10, 10);
  const std::string good = "val: images\nnames: [car, bus]\n";
  const auto error_for_label = [&](const std::string& line) {
    write_file(folder / "labels/a.txt", line);
    return error_for(good);
  };
  EXPECT_THAT(error_for_label("2 0.5 0.5 0.1 0.1"),
              EndsWith("labels/a.txt:1: got 2 for class, expected an integer from 0 to 1"));
  EXPECT_THAT(error_for_label("1 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1"), HasSubstr("a.txt:2: got 4 fields"));
  EXPECT_THAT(error_for_label("1 0.5 0.5 0.1 0.1 0.2"), HasSubstr("got 6 fields"));
  EXPECT_THAT(error_for_label("1 52 0.5 0.1 0.1"),
              EndsWith("a.txt:1: got 52 for cx, expected 0..1 (a share of the image)"));
  EXPECT_THAT(error_for("val: [images\nnames: [car]"), HasSubstr("data.yaml:2: not YAML"));
  EXPECT_THAT(error_for("text"), HasSubstr("not a data.yaml"));
  EXPECT_THAT(error_for("val: images\n"), HasSubstr("no names"));
  EXPECT_THAT(error_for("val: images\nnames:\n  0: car\n  2: bus\n"),
              HasSubstr("data.yaml:4: got class index '2', expected each of 0..1 once"));
  write_file(folder / "alone/data.yaml", "names: [car]\n");
  EXPECT_THAT(error_of([&] { open_data((folder / "alone").string()); }), HasSubstr("none of train, val and test"));
  EXPECT_THAT(error_for("names: [car]\nval: nowhere\n"), HasSubstr("'nowhere': no such folder or .txt list"));
  write_file(folder / "images/b.png", "text");
  EXPECT_THAT(error_for(good), HasSubstr("b.png: not an image"));
}

/// The file system refuses to look for it, which was an exception of another kind.
TEST_F(YoloTest, ANameLongerThanAnyFilesIsMissing) {
  const std::string name(300, 'x');
  EXPECT_THAT(error_for("names: [car]\nval: " + name + "\n"), HasSubstr("no such folder or .txt list"));
  EXPECT_THAT(error_for("names: [car]\npath: " + name + "\nval: nowhere\n"), HasSubstr("no such folder or .txt list"));
  write_file(folder / "list.txt", name + ".png\n");
  EXPECT_THAT(error_for("names: [car]\nval: list.txt\n"), HasSubstr("no such image file"));
}

TEST_F(YoloTest, MoreKeyPointsThanAnIntegerHoldsAreMany) {
  write_tiny_image(folder / "images/a.png", 10, 10);
  write_file(folder / "labels/a.txt", "0 0.5 0.5 0.1 0.1");
  EXPECT_THAT(error_for("val: images\nnames: [car]\nkpt_shape: [9223372036854775807, 2]\n"),
              HasSubstr("expected 10005"));
}

TEST_F(YoloTest, LabelsLieBesideTheLastFolderOfImages) {
  EXPECT_EQ(yolo_label_path("/a/images/b/images/c/d.e.jpg"), "/a/images/b/labels/c/d.e.txt");
  EXPECT_EQ(yolo_label_path("a/b.jpg"), "a/b.txt");
}

}  // namespace
}  // namespace skylift
