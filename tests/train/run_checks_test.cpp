#include "skylift/train/run_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/kd/ld.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunOptions sound_options() {
  RunOptions options;
  options.train.epochs = 12;
  options.train.schedule.warmup_steps = 10;
  options.kd.methods = {"ld", "cid"};
  return options;
}

TEST(RunChecks, SoundSettingsRaiseNoDoubt) {
  EXPECT_THAT(doubtful_settings(sound_options(), 1000, 100, true), IsEmpty());
}

TEST(RunChecks, AWarmUpAsLongAsTheRun) {
  RunOptions options = sound_options();
  options.train.schedule.warmup_steps = 1200;
  EXPECT_THAT(doubtful_settings(options, 1000, 100, false),
              ElementsAre(AllOf(HasSubstr("warmup_steps is 1200"), HasSubstr("1200 steps"))));
  options.train.schedule.warmup_steps = 1199;
  EXPECT_THAT(doubtful_settings(options, 1000, 100, false), IsEmpty());
}

TEST(RunChecks, MilestonesBeyondTheEnd) {
  RunOptions options = sound_options();
  options.train.epochs = 11;
  EXPECT_THAT(doubtful_settings(options, 1000, 100, false),
              ElementsAre(AllOf(HasSubstr("after epoch 11 "), HasSubstr("ends after epoch 11"))));
  options.train.schedule.name = "cosine";
  EXPECT_THAT(doubtful_settings(options, 1000, 100, false), IsEmpty());
}

TEST(RunChecks, TermsThatAreAlways0) {
  RunOptions options = sound_options();
  options.kd.of<LdOptions>().main_weight = options.kd.of<LdOptions>().vlr_weight = 0;
  options.kd.warmup_steps = 5000;
  EXPECT_THAT(doubtful_settings(options, 1000, 100, true),
              ElementsAre(AllOf(HasSubstr("'ld'"), HasSubstr("kd.ld.main_weight = 0, kd.ld.vlr_weight = 0")),
                          HasSubstr("kd.warmup_steps is 5000")));
  EXPECT_THAT(doubtful_settings(options, 1000, 100, false), IsEmpty());
}

}  // namespace
}  // namespace skylift
