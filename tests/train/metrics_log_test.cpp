#include "skylift/train/metrics_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

void write_steps(MetricsLog& log, int64_t from, int64_t to) {
  for (int64_t step = from; step <= to; ++step)
    log.write("train", step, 0, {{"loss", 1.0 / static_cast<double>(step)}});
}

TEST(MetricsLog, AResumedRunHasEveryLineOnce) {
  const TempFolder folder;
  const fs::path whole = folder / "whole", halves = folder / "halves";
  make_folder(whole);
  make_folder(halves);
  {
    MetricsLog log(whole, {});
    log.write("teacher", 0, 0, {{"AP", 0.5}});
    write_steps(log, 1, 4);
    log.write("eval", 4, 0, {{"AP", 0.25}});
    write_steps(log, 5, 6);
  }
  {
    MetricsLog log(halves, {});
    log.write("teacher", 0, 0, {{"AP", 0.5}});
    write_steps(log, 1, 4);
    log.write("eval", 4, 0, {{"AP", 0.25}});
    write_steps(log, 5, 5);
  }
  {  // The evaluation of step 4 was written, but the state after it was not.
    MetricsLog log(halves, {.step = 4, .scored_step = 0});
    EXPECT_TRUE(log.holds("teacher"));
    EXPECT_FALSE(log.holds("eval"));
    log.write("eval", 4, 0, {{"AP", 0.25}});
    write_steps(log, 5, 6);
  }
  EXPECT_EQ(read_file(halves / "metrics.jsonl"), read_file(whole / "metrics.jsonl"));
}

TEST(MetricsLog, ATornLastLineIsCutOff) {
  const TempFolder folder;
  { write_steps(*std::make_unique<MetricsLog>(folder.path(), MetricsMoment{}), 1, 3); }
  const std::string text = read_file(folder / "metrics.jsonl");
  write_file(folder / "metrics.jsonl", text.substr(0, text.size() - 9));
  const MetricsLog log(folder.path(), {.step = 3, .scored_step = 0});
  const std::string left = read_file(folder / "metrics.jsonl");
  EXPECT_EQ(std::ranges::count(left, '\n'), 2);
}

}  // namespace
}  // namespace skylift
