#include "skylift/study/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "skylift/core/error.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

StudyRow row(const std::string& name, const std::vector<double>& ap50) {
  StudyRow result{.name = name, .against = {}, .parameters = 3e6, .gmacs = 1.5, .seeds = {}};
  for (size_t i = 0; i < ap50.size(); ++i) {
    result.seeds.push_back({.seed = static_cast<int>(i), .scores = {{"AP50", ap50[i]}}, .seconds_per_step = 0.5});
  }
  return result;
}

// Three values 1, 2, 4: mean 7/3, deviation sqrt(7/3), and the t quantile of two degrees of freedom is 4.303.
TEST(StudyTable, MeanInterval) {
  const Interval interval = mean_interval({1, 2, 4});
  EXPECT_NEAR(interval.mean, 2.333333, 1e-6);
  EXPECT_NEAR(interval.deviation, 1.527525, 1e-6);
  EXPECT_NEAR(interval.high - interval.mean, 4.303 * 1.527525 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(interval.mean - interval.low, interval.high - interval.mean, 1e-12);
  EXPECT_THROW(mean_interval({}), Error);
}

// Student's t at 97.5 % for 20 degrees of freedom is 2.0860: the expansion, not the table.
TEST(StudyTable, MeanIntervalOfManyValues) {
  std::vector<double> values(21, 0.0);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  const Interval interval = mean_interval(values);
  EXPECT_NEAR((interval.high - interval.mean) / (interval.deviation / std::sqrt(21.0)), 2.0860, 5e-4);
}

TEST(StudyTable, DifferencesArePairedBySeed) {
  const StudyRow plain = row("plain", {0.10, 0.20, 0.30});
  StudyRow lifted = row("lifted", {0.12, 0.22, 0.32});  // always 2 points above, while the seeds differ by 10
  const Interval difference = paired_difference(lifted, plain, "AP50").value();
  EXPECT_EQ(difference.n, 3);
  EXPECT_NEAR(difference.mean, 0.02, 1e-12);
  EXPECT_NEAR(difference.deviation, 0, 1e-12);

  lifted.seeds[1].scores["AP50"] = -1;  // undefined
  lifted.seeds[2].seed = 7;             // not among the other's
  EXPECT_EQ(paired_difference(lifted, plain, "AP50")->n, 1);
  EXPECT_FALSE(paired_difference(lifted, plain, "AP"));
}

TEST(StudyTable, TextAndJson) {
  StudyRow lifted = row("lifted", {0.12, 0.24});
  lifted.against = {"plain", "absent"};
  const std::vector<StudyRow> rows = {row("plain", {0.10, 0.20}), lifted, row("to come", {})};
  const std::string text = study_text(rows, {"AP50"}, "AP50");
  EXPECT_THAT(text, HasSubstr("| lifted | 2 | 3.00 M | 1.50 | 0.50 | 18.00 ± 8.49 |"));
  EXPECT_THAT(text, HasSubstr("| lifted | plain | 2 | +3.00 | "));
  EXPECT_THAT(text, Not(HasSubstr("to come")));
  const auto json = nlohmann::json::parse(study_json(rows, "AP50"));
  EXPECT_EQ(json["runs"][1]["differences"]["plain"]["n"], 2);
  EXPECT_EQ(json["runs"][1]["seeds"][1]["scores"]["AP50"], 0.24);
}

}  // namespace
}  // namespace skylift
