#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "skylift/core/folder_lock.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(FolderLock, HoldsUntilItGoes) {
  const fs::path folder = fs::path(::testing::TempDir()) / "locked";
  fs::create_directories(folder);
  {
    const FolderLock first(folder), second(folder);
    EXPECT_TRUE(first.held());
    EXPECT_FALSE(second.held());
  }
  EXPECT_TRUE(FolderLock(folder).held());
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_THAT(error_of([&] { FolderLock(folder / "absent"); }), HasSubstr("absent"));
}

}  // namespace
}  // namespace skylift
