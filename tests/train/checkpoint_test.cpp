#include "skylift/train/checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "skylift/core/error.h"
#include "skylift/core/rng.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Checkpoint checkpoint_of(int64_t step) {
  return {.step = step,
          .scored_step = step - 1,
          .best_ap = 0.25,
          .seconds = 1.5,
          .identity = {{"command", "train"}, {"options", "[train]\nseed = 3\n"}},
          .tensors = {{"student.w", at::full({5, 7}, static_cast<double>(step))},
                      {"optimizer.w.step", at::scalar_tensor(step, at::kLong)},
                      {"random.cpu", at::zeros({16}, at::kByte)}}};
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    save_checkpoint(folder.path(), checkpoint_of(1));
    save_checkpoint(folder.path(), checkpoint_of(2));
    intact = read_file(newest());
  }
  fs::path newest() const { return folder.path() / "resume" / "state.safetensors"; }
  fs::path previous() const { return folder.path() / "resume" / "previous.safetensors"; }

  TempFolder folder;
  std::string intact;
};

TEST_F(CheckpointTest, GivesBackWhatWasSaved) {
  const Checkpoint read = load_checkpoint(folder.path());
  EXPECT_EQ(read.step, 2);
  EXPECT_EQ(read.scored_step, 1);
  EXPECT_EQ(read.best_ap, 0.25);
  EXPECT_EQ(read.seconds, 1.5);
  EXPECT_EQ(read.identity, checkpoint_of(2).identity);
  ASSERT_EQ(read.tensors.size(), 3U);
  EXPECT_TRUE(at::equal(read.tensors[0].tensor, at::full({5, 7}, 2.0)));
}

TEST_F(CheckpointTest, AnyCutAndAnyFlippedBitFallsBackToTheStateBefore) {
  Rng rng = Rng::of({7});
  const auto size = static_cast<int64_t>(intact.size());
  for (int i = 0; i < 200; ++i) {
    std::string damaged = intact;
    if (i % 2 == 0) {
      damaged.resize(static_cast<size_t>(rng.index(size)));
    } else {
      damaged[static_cast<size_t>(rng.index(size))] ^= static_cast<char>(1 << rng.index(8));
    }
    const std::string before = i == 0 ? read_file(previous()) : read_file(newest());
    write_file(previous(), before);
    write_file(newest(), damaged);
    ASSERT_EQ(load_checkpoint(folder.path()).step, 1) << i;
    ASSERT_EQ(read_file(newest()), before) << "the good state takes the damaged one's place";
  }
}

TEST_F(CheckpointTest, WithoutTheNewestThePreviousServesAndWithoutBothItSaysSo) {
  fs::remove(newest());
  EXPECT_TRUE(has_checkpoint(folder.path()));
  EXPECT_EQ(load_checkpoint(folder.path()).step, 1);
  write_file(newest(), "x");
  EXPECT_THAT(error_of([&] { load_checkpoint(folder.path()); }), HasSubstr("state.safetensors"));
  fs::remove(newest());
  EXPECT_FALSE(has_checkpoint(folder.path()));
  EXPECT_THAT(error_of([&] { load_checkpoint(folder.path()); }), HasSubstr("leave --resume out"));
}

TEST_F(CheckpointTest, NumbersThatAreNotFiniteAreNeverSaved) {
  const std::string before = read_file(previous());
  for (const double bad : {std::nan(""), -HUGE_VAL}) {
    Checkpoint poisoned = checkpoint_of(3);
    poisoned.tensors[0].tensor[4][2] = bad;
    EXPECT_THAT(error_of([&] { save_checkpoint(folder.path(), poisoned); }), HasSubstr("'student.w' is not finite"));
  }
  EXPECT_EQ(read_file(newest()), intact);
  EXPECT_EQ(read_file(previous()), before);
}

}  // namespace
}  // namespace skylift
