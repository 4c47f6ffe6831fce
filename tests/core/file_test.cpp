#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "skylift/core/file.h"
#include "skylift/core/temporary_file.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  FileTest() : folder(fs::path(::testing::TempDir()) / "skylift-core-test") { fs::create_directories(folder); }
  ~FileTest() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(FileTest, WritesWholeFilesAndMakesFolders) {
  write_file(folder / "a/b/c.txt", "hello");
  EXPECT_EQ(read_file(folder / "a/b/c.txt"), "hello");
  write_file(folder / "a/b/c.txt", "");
  EXPECT_EQ(MappedFile(folder / "a/b/c.txt").bytes(), "");
}

TEST_F(FileTest, AFailedWriteLeavesTheOldFileAndNoOther) {
  write_file(folder / "kept.txt", "old");
  const auto failing = [](std::ostream& stream) { stream << "new" << std::flush, stream.setstate(std::ios::badbit); };
  EXPECT_THAT(error_of([&] { write_file(folder / "kept.txt", failing); }), HasSubstr("kept.txt: cannot write"));
  EXPECT_EQ(read_file(folder / "kept.txt"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AnInputIsNotAnOutputByAnyPath) {
  write_file(folder / "a/model", "weights");
  fs::create_symlink(folder / "a/model", folder / "link");
  for (const fs::path& out : {folder / "a/model", folder / "a/../a/model", folder / "link"})
    EXPECT_THAT(error_of([&] { check_not_same_file(out, folder / "a/model", "--out"); }),
                HasSubstr("--out: got " + out.string() + ", which is the input"));
  EXPECT_EQ(error_of([&] { check_not_same_file(folder / "new", folder / "a/model", "--out"); }), "no error");
  EXPECT_EQ(error_of([&] { check_not_same_file("", "", "--out"); }), "no error");
  fs::remove(folder / "link");
}

TEST_F(FileTest, ErrorsNameTheFile) {
  EXPECT_THAT(error_of([&] { read_file(folder / "none.txt"); }), HasSubstr("none.txt: cannot open"));
  EXPECT_THAT(error_of([&] { read_file(folder); }), HasSubstr("is a folder"));
  EXPECT_THAT(error_of([&] { MappedFile(folder / "none.txt"); }), HasSubstr("none.txt"));
  write_file(folder / "file", "x");
  EXPECT_THAT(error_of([&] { write_file(folder / "file/inside.txt", "x"); }), HasSubstr("cannot make this folder"));
}

TEST_F(FileTest, TemporaryNamesLieBesideTheTargetAndNeverAgree) {
  const fs::path first = temporary_path(folder / "clip.mp4"), second = temporary_path(folder / "clip.mp4");
  EXPECT_NE(first, second);
  EXPECT_EQ(first.parent_path(), folder);
  EXPECT_EQ(first.extension(), ".mp4");
}

/// A name may have 255 bytes; the temporary one is no longer for it.
TEST_F(FileTest, AnyNameThatAFileMayHaveCanBeWritten) {
  std::string accents;
  while (accents.size() < 250) accents += "\xC3\xA9";
  for (const std::string& name : {std::string(251, 'n') + ".txt", accents + ".png", "n" + accents + ".jpg",
                                  "a." + std::string(253, 'n'), "." + std::string(254, 'n'), std::string(255, 'n')}) {
    write_file(folder / name, "long");
    EXPECT_EQ(read_file(folder / name), "long");
    EXPECT_LT(temporary_path(folder / name).filename().string().size(), 150U);
  }
  EXPECT_EQ(temporary_path(folder / (accents + ".png")).filename().string().substr(0, 4), "\xC3\xA9\xC3\xA9");
  EXPECT_EQ(temporary_path(folder / ("n" + accents + ".png")).extension(), ".png");
  std::ofstream(temporary_path(folder / std::string(255, 'n'))) << "half";
  remove_orphans(folder);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 6);
}

TEST_F(FileTest, OrphansGoAndWhatIsBeingWrittenStays) {
  std::ofstream(temporary_path(folder / "state.safetensors")) << "half";
  std::ofstream(folder / "my.tmp-notes") << "not ours";
  const auto write = [&](std::ostream& stream) {
    remove_orphans(folder);  // in the middle of a write
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2);
    stream << "whole";
  };
  write_file(folder / "kept.txt", write);
  EXPECT_EQ(read_file(folder / "kept.txt"), "whole");
  EXPECT_EQ(read_file(folder / "my.tmp-notes"), "not ours");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2);
  remove_orphans(folder / "absent");
}

}  // namespace
}  // namespace skylift
