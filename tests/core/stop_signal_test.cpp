#include "skylift/core/stop_signal.h"

#include <gtest/gtest.h>

#include <csignal>

namespace skylift {
namespace {

TEST(StopSignals, NotesTheFirstAndThrowsWhereALoopAsks) {
  const StopSignals signals;
  EXPECT_EQ(stop_signal(), 0);
  EXPECT_NO_THROW(throw_if_stopped());
  std::raise(SIGTERM);
  EXPECT_EQ(stop_signal(), SIGTERM);
  try {
    throw_if_stopped();
    FAIL() << "expected StoppedBySignal";
  } catch (const StoppedBySignal& stopped) {
    EXPECT_EQ(stopped.exit_status, 143);
    EXPECT_STREQ(stopped.what(), "stopped by SIGTERM");
  }
}

TEST(StopSignals, ASecondOneEndsTheProcess) {
  const auto raise_two = [] {
    const StopSignals signals;
    std::raise(SIGINT);
    std::raise(SIGTERM);
  };
  EXPECT_EXIT(raise_two(), ::testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignals, LeavesSignalsAsTheyWere) {
  { const StopSignals signals; }
  EXPECT_EXIT(std::raise(SIGINT), ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace skylift
