#include "skylift/annotations/find_splits.h"

#include <gmock/gmock.h>

#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TEST(FindSplits, FoldersOfThatName) {
  TempFolder folder;
  std::filesystem::create_directories(folder / "train");
  EXPECT_THAT(error_of([&] { find_splits(folder.path()); }), HasSubstr("valid/ or validation/"));
  std::filesystem::create_directories(folder / "valid");
  const DataSplits splits = find_splits(folder.path());
  EXPECT_EQ(splits.train, (folder / "train").string());
  EXPECT_EQ(splits.val, (folder / "valid").string());
}

TEST(FindSplits, ADataYamlNamesThem) {
  TempFolder folder;
  write_file(folder / "data.yaml", "");
  EXPECT_EQ(find_splits(folder.path()).train, (folder / "data.yaml").string() + ":train");
  EXPECT_EQ(find_splits(folder / "data.yaml").val, (folder / "data.yaml").string() + ":val");
}

TEST(FindSplits, CocosLayout) {
  TempFolder folder;
  for (const char* name : {"instances_train2017.json", "instances_val2017.json", "person_keypoints_val2017.json"})
    write_file(folder / "annotations" / name, "{}");
  EXPECT_EQ(find_splits(folder.path()).val, (folder / "annotations/instances_val2017.json").string());
}

TEST(FindSplits, NamesOfOtherTools) {
  TempFolder folder;
  for (const char* name : {"instances_Train.json", "instances_Validation.json"})
    write_file(folder / "cvat/annotations" / name, "{}");
  EXPECT_EQ(find_splits(folder / "cvat").train, (folder / "cvat/annotations/instances_Train.json").string());
  EXPECT_EQ(find_splits(folder / "cvat").val, (folder / "cvat/annotations/instances_Validation.json").string());
  for (const char* name : {"train.json", "val.json", "captions_train.json"})
    write_file(folder / "plain/annotations" / name, "{}");
  EXPECT_EQ(find_splits(folder / "plain").train, (folder / "plain/annotations/train.json").string());
  std::filesystem::create_directories(folder / "capitals/Training");
  std::filesystem::create_directories(folder / "capitals/Val");
  EXPECT_EQ(find_splits(folder / "capitals").val, (folder / "capitals/Val").string());
}

TEST(FindSplits, AYamlOfAnotherName) {
  for (const char* name : {"dataset.yaml", "data.yml", "drones.yaml", "obj.data"}) {
    TempFolder folder;
    write_file(folder / name, "train: train/images\nval: val/images\nnames: [car]\n");
    for (const char* images : {"train/images", "val/images"}) std::filesystem::create_directories(folder / images);
    EXPECT_EQ(find_splits(folder.path()).train, (folder / name).string() + ":train");
    EXPECT_EQ(find_splits(folder.path()).val, (folder / name).string() + ":val");
  }
}

TEST(FindSplits, AListOfClassesNamesNoParts) {
  TempFolder folder;
  write_file(folder / "classes.txt", "car\n");
  for (const char* name : {"images", "labels", "train", "val"}) std::filesystem::create_directories(folder / name);
  EXPECT_EQ(find_splits(folder.path()).train, (folder / "train").string());
}

TEST(FindSplits, NothingThereIsSaid) {
  TempFolder folder;
  EXPECT_THAT(error_of([&] { find_splits(folder / "absent"); }), HasSubstr("is not there"));
}

}  // namespace
}  // namespace skylift
