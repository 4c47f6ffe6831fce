#include "skylift/train/schedule.h"

#include <gtest/gtest.h>

namespace skylift {
namespace {

TEST(Schedule, WarmupRisesLinearlyFromItsFactor) {
  const ScheduleOptions options{.name = "constant", .warmup_steps = 10, .warmup_factor = 0.1};
  EXPECT_DOUBLE_EQ(lr_factor(options, 0, 100, 1000), 0.1);
  EXPECT_DOUBLE_EQ(lr_factor(options, 5, 100, 1000), 0.55);
  EXPECT_DOUBLE_EQ(lr_factor(options, 10, 100, 1000), 1.0);
}

TEST(Schedule, MultiStepFallsAtTheMilestones) {
  const ScheduleOptions options{.name = "multi_step", .warmup_steps = 0, .milestones = {8, 11}, .gamma = 0.1};
  EXPECT_DOUBLE_EQ(lr_factor(options, 8 * 50 - 1, 50, 600), 1.0);
  EXPECT_DOUBLE_EQ(lr_factor(options, 8 * 50, 50, 600), 0.1);
  EXPECT_NEAR(lr_factor(options, 11 * 50, 50, 600), 0.01, 1e-15);
}

TEST(Schedule, CosineGoesFromOneToTheFinalFactor) {
  const ScheduleOptions options{.name = "cosine", .warmup_steps = 0, .final_factor = 0.02};
  EXPECT_DOUBLE_EQ(lr_factor(options, 0, 10, 100), 1.0);
  EXPECT_NEAR(lr_factor(options, 50, 10, 100), 0.51, 1e-12);
  EXPECT_NEAR(lr_factor(options, 100, 10, 100), 0.02, 1e-12);
}

}  // namespace
}  // namespace skylift
