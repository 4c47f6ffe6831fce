#include "skylift/study/run_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

StoredRun run_of(const std::string& name, const std::string& method, int seed, double ap) {
  RunRecord record;
  record.state = RunState::done;
  record.identity["teacher"] = method == "none" ? "none" : "t1";
  return {.name = name,
          .record = record,
          .options = {{"train.seed", std::to_string(seed)}, {"kd.methods", method}, {"train.epochs", "2"}},
          .protocol = "coco",
          .scores = {{"AP", ap}},
          .epochs = {}};
}

TEST(RunComparison, MeansAndPairedDifferencesAreOverSeeds) {
  const RunComparison comparison = compare_runs({run_of("plain0", "none", 0, 0.10), run_of("plain1", "none", 1, 0.20),
                                                 run_of("ld0", "ld", 0, 0.13), run_of("ld1", "ld", 1, 0.25)});
  ASSERT_EQ(comparison.kinds.size(), 2U);
  const auto json = nlohmann::json::parse(to_json(comparison));
  EXPECT_NEAR(json["kinds"][0]["means"]["coco AP"]["mean"], 0.15, 1e-12);
  EXPECT_NEAR(json["kinds"][0]["means"]["coco AP"]["deviation"], 0.0707107, 1e-6);
  // 0.03 and 0.05: mean 0.04, deviation 0.0141421, Student's t for one degree of freedom 12.706.
  const auto& gain = json["kinds"][1]["minus_the_first"]["coco AP"];
  EXPECT_EQ(gain["n"], 2);
  EXPECT_NEAR(gain["mean"], 0.04, 1e-12);
  EXPECT_NEAR(gain["interval95"][0], 0.04 - 0.12706, 1e-5);
  const std::string text = to_text(comparison);
  EXPECT_THAT(text, HasSubstr("+4.00"));
  EXPECT_THAT(text, HasSubstr("-8.71 .. +16.71"));
  EXPECT_THAT(text, Not(HasSubstr("note:")));
}

TEST(RunComparison, HowARunWorkedMakesNoOtherKind) {
  StoredRun often = run_of("b", "none", 1, 0.2);
  often.options["train.eval_every"] = "5";
  often.options["train.recompute"] = "true";
  EXPECT_EQ(compare_runs({run_of("a", "none", 0, 0.1), often}).kinds.size(), 1U);
}

TEST(RunComparison, OnlyWhatDiffersIsShown) {
  StoredRun other = run_of("b", "ld", 0, 0.2);
  other.options.erase("train.epochs");
  const RunComparison comparison = compare_runs({run_of("a", "none", 0, 0.1), other});
  std::vector<std::string> keys;
  for (const RunDifference& difference : comparison.differences) keys.push_back(difference.key);
  EXPECT_THAT(keys, ElementsAre("kd.methods", "teacher", "train.epochs"));
  EXPECT_THAT(comparison.differences.back().values, ElementsAre("2", "-"));
}

TEST(RunComparison, SaysWhatMakesTheNumbersUnfit) {
  StoredRun elsewhere = run_of("b", "none", 0, 0.2);
  elsewhere.record.identity["validation images"] = "others";
  elsewhere.record.state = RunState::interrupted;
  const std::string text = to_text(compare_runs({run_of("a", "none", 0, 0.1), elsewhere}));
  EXPECT_THAT(text, HasSubstr("not comparable: their validation images differ"));
  EXPECT_THAT(text, HasSubstr("not all runs are done"));
  EXPECT_THAT(text, HasSubstr("b repeats a seed of a"));
  EXPECT_THAT(error_of([] { compare_runs({run_of("a", "none", 0, 0.1)}); }), HasSubstr("expected two runs"));
}

}  // namespace
}  // namespace skylift
