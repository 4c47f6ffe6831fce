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

TEST(FindSplits, NothingThereIsSaid) {
  TempFolder folder;
  EXPECT_THAT(error_of([&] { find_splits(folder / "absent"); }), HasSubstr("is not there"));
}

}  // namespace
}  // namespace skylift
