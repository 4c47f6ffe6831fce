#include "skylift/annotations/uavdt.h"

#include <gmock/gmock.h>

#include "skylift/annotations/open_data.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class UavdtTest : public ::testing::Test {
 protected:
  void images(const std::string& place, const std::string& sequence, int count) {
    for (int frame = 1; frame <= count; ++frame)
      write_file(folder / (place + sequence + "/img00000" + std::to_string(frame) + ".jpg"), "x");
  }
  std::string error() {
    return error_of([&] { read_uavdt(folder.path()); });
  }

  TempFolder folder;
};

TEST_F(UavdtTest, ReadsTheFoldersAsHandedOut) {
  images("UAV-benchmark-M/", "M0203", 2);
  images("UAV-benchmark-M/", "M0101", 1);
  write_file(folder / "UAV-benchmark-MOTD_v1.0/GT/M0203_gt_whole.txt",
             "2,1,10,20,30,40,1,1,1\n2,2,11,21,31,41,3,2,3\n1,1,1,2,3,4,2,4,2\n");
  write_file(folder / "UAV-benchmark-MOTD_v1.0/GT/M0203_gt_ignore.txt", "2,-1,0,0,50,60,1,-1,-1\n");
  write_file(folder / "UAV-benchmark-MOTD_v1.0/GT/M0101_gt_whole.txt", "");
  const AnnotationSet set = open_data(folder.path().string());
  EXPECT_EQ(set.format, "uavdt");
  EXPECT_THAT(set.classes, ElementsAre("car", "truck", "bus"));
  ASSERT_THAT(set.images, SizeIs(3));
  EXPECT_EQ(set.images[0].file, "M0101/img000001.jpg");
  EXPECT_EQ(set.images[2].file, "M0203/img000002.jpg");
  EXPECT_TRUE(std::filesystem::exists(set.image_path(set.images[2])));
  ASSERT_THAT(set.images[1].objects, SizeIs(1));
  EXPECT_EQ(set.images[1].objects[0].class_index, 1);
  EXPECT_EQ(set.images[1].objects[0].truncation, 2);  // "medium"
  EXPECT_EQ(set.images[1].objects[0].occlusion, 1);   // "small"
  ASSERT_THAT(set.images[2].objects, SizeIs(2));
  EXPECT_EQ(set.images[2].objects[0].box, (BoxXywh{10, 20, 30, 40}));
  EXPECT_EQ(set.images[2].objects[0].truncation, 0);
  EXPECT_EQ(set.images[2].objects[1].class_index, 2);
  EXPECT_EQ(set.images[2].objects[1].truncation, 1);  // "small"
  EXPECT_EQ(set.images[2].objects[1].occlusion, 3);   // "large"
  EXPECT_THAT(set.images[2].ignored_regions, ElementsAre(BoxXywh{0, 0, 50, 60}));

  EXPECT_THAT(open_data(folder.path().string() + ":test").images, SizeIs(2));
  EXPECT_THAT(open_data(folder.path().string() + ":train").images, SizeIs(1));
  EXPECT_THAT(error_of([&] { open_data(folder.path().string() + ":val"); }),
              HasSubstr("got split 'val', expected train, test"));
}

TEST_F(UavdtTest, WritesWhatItReads) {
  images("", "S1", 2);
  const std::string lines = "1,1,10,20,30,40,1,1,1\n1,2,11,21,31,41.5,3,2,3\n2,1,1,2,3,4,2,4,2\n";
  write_file(folder / "GT/S1_gt_whole.txt", lines);
  write_file(folder / "GT/S1_gt_ignore.txt", "2,-1,0,0,50,60,1,-1,-1\n");
  const AnnotationSet set = read_uavdt(folder.path());
  write_uavdt(folder / "copy", set);
  EXPECT_EQ(read_file(folder / "copy/GT/S1_gt_whole.txt"), lines);
  EXPECT_EQ(read_file(folder / "copy/GT/S1_gt_ignore.txt"), "2,-1,0,0,50,60,1,-1,-1\n");
}

TEST_F(UavdtTest, MistakesNameFileAndLine) {
  EXPECT_THAT(error(), HasSubstr("looked in GT/, UAV-benchmark-MOTD_v1.0/GT/"));
  write_file(folder / "GT/S1_gt_whole.txt", "1,1,10,20,30,40,1,1,1\n1,1,10,20,30,40,1,1,4\n");
  EXPECT_THAT(error(), HasSubstr("no folder of images such as S1/"));
  images("", "S1", 1);
  EXPECT_THAT(error(), EndsWith("S1_gt_whole.txt:2: got 4 for category, expected an integer from 1 to 3"));
  write_file(folder / "GT/S1_gt_whole.txt", "7,1,10,20,30,40,1,1,1\n");
  EXPECT_THAT(error(), EndsWith("S1_gt_whole.txt:1: got frame 7, which has no image"));
  write_file(folder / "GT/S1_gt_whole.txt", "1,1,10,20,30,40,1,1\n");
  EXPECT_THAT(error(), HasSubstr("got 8 fields"));
  write_file(folder / "GT/S1_gt_whole.txt", "");
  write_file(folder / "GT/S2_gt_whole.txt", "");
  EXPECT_THAT(error(), HasSubstr("expected the images of S2_gt_whole.txt"));
  write_file(folder / "S2/frame1.jpg", "x");
  EXPECT_THAT(error(), HasSubstr("expected a name such as img000001.jpg"));
}

}  // namespace
}  // namespace skylift
