#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/folder_lock.h"
#include "skylift/core/parallel.h"
#include "skylift/core/rng.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

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

TEST_F(FileTest, ErrorsNameTheFile) {
  EXPECT_THAT(error_of([&] { read_file(folder / "none.txt"); }), HasSubstr("none.txt: cannot open"));
  EXPECT_THAT(error_of([&] { read_file(folder); }), HasSubstr("is a folder"));
  EXPECT_THAT(error_of([&] { MappedFile(folder / "none.txt"); }), HasSubstr("none.txt"));
  write_file(folder / "file", "x");
  EXPECT_THAT(error_of([&] { write_file(folder / "file/inside.txt", "x"); }), HasSubstr("cannot make this folder"));
}

TEST(Text, SplitsAndTrims) {
  EXPECT_EQ(split(" a, b,,c\r\n", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, NumbersAreWholeOrNothing) {
  EXPECT_EQ(parse_number(" 1.5e2 "), 150.0);
  EXPECT_EQ(parse_number("+2"), 2.0);
  EXPECT_EQ(parse_integer("-7"), -7);
  for (const char* bad : {"", "12x", "nan", "inf", "1e999", "--1"}) EXPECT_FALSE(parse_number(bad)) << bad;
  EXPECT_FALSE(parse_integer("1.5"));
  EXPECT_FALSE(parse_integer("99999999999999999999"));
}

TEST(Text, NearestWordForgivesTyposButNotStrangers) {
  const std::vector<std::string> words = {"train.epochs", "train.batch_size", "kd.methods"};
  EXPECT_EQ(nearest_word("train.epcohs", words), "train.epochs");
  EXPECT_EQ(nearest_word("zebra", words), std::nullopt);
  EXPECT_THAT(suggestion("zebra", words), HasSubstr("known: train.epochs"));
}

TEST(Rng, IsTheSameEverywhere) {
  Rng rng(42);
  EXPECT_EQ(rng.next(), 13679457532755275413ULL);  // SplitMix64's published sequence for seed 42
  EXPECT_EQ(rng.next(), 2949826092126892291ULL);
}

TEST(Rng, KeysGiveIndependentGenerators) {
  std::set<uint64_t> firsts;
  for (uint64_t epoch = 0; epoch < 10; ++epoch) {
    for (uint64_t index = 0; index < 100; ++index) firsts.insert(Rng::of({1, epoch, index}).next());
  }
  EXPECT_EQ(firsts.size(), 1000U);
  EXPECT_NE(Rng::of({1, 2}).next(), Rng::of({2, 1}).next());
}

TEST(Rng, DistributionsHaveTheirMoments) {
  Rng rng(7);
  double sum = 0, square = 0;
  int low = 0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.normal(1, 2);
    sum += value;
    square += value * value;
    low += rng.index(4) == 0;
  }
  EXPECT_NEAR(sum / kDraws, 1, 0.03);
  EXPECT_NEAR(square / kDraws - 1, 4, 0.1);
  EXPECT_NEAR(static_cast<double>(low) / kDraws, 0.25, 0.01);
}

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

TEST(Parallel, VisitsEachItemOnce) {
  for (int threads : {1, 3, 0}) {
    std::vector<std::atomic<int>> visits(1000);
    parallel_for(visits.size(), threads, [&](size_t i) { ++visits[i]; });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 2, [](size_t) { FAIL(); });
}

TEST(Parallel, TheFirstExceptionComesOut) {
  EXPECT_THROW(parallel_for(100, 4,
                            [](size_t i) {
                              if (i == 17) throw Error("item {}", i);
                            }),
               Error);
}

}  // namespace
}  // namespace skylift
