#include "skylift/train/resume_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TextMap identity_of(const RunOptions& options) {
  return {{"command", "distill"},
          {"teacher", "aa"},
          {"student", "none"},
          {"training images", "6 images (bb)"},
          {"validation images", "2 (cc)"},
          {"options", config_text(options)}};
}

std::string refusal(const TextMap& state, const TextMap& now) {
  return error_of([&] { check_same_run(state, now, "runs/a"); });
}

TEST(ResumeState, AnythingElseThanTheSameRunIsRefusedByName) {
  const TextMap state = identity_of({});
  EXPECT_NO_THROW(check_same_run(state, identity_of({}), "runs/a"));
  for (const char* key : {"command", "teacher", "student", "training images", "validation images"}) {
    TextMap now = state;
    now[key] = "another";
    EXPECT_THAT(refusal(state, now), HasSubstr(fmt::format("its {} is another now and was {}", key, state.at(key))));
    TextMap torn = state;
    torn.erase(key);
    EXPECT_THAT(refusal(torn, state), HasSubstr("not said"));
  }
}

TEST(ResumeState, OptionsThatChangeWhatIsLearnedAreRefusedByName) {
  RunOptions other;
  other.train.optimizer.lr = 0.5;
  EXPECT_THAT(refusal(identity_of({}), identity_of(other)), HasSubstr("train.optimizer.lr is 0.5 now and was 0.01"));
  other = {};
  other.train.compute.precision = "float32";
  EXPECT_THAT(refusal(identity_of({}), identity_of(other)), HasSubstr("train.precision"));
  other = {};
  other.kd.cache = "signals.kd";  // stored in half precision: other numbers than a live teacher's
  EXPECT_THAT(refusal(identity_of({}), identity_of(other)), HasSubstr("kd.cache"));
}

TEST(ResumeState, OptionsThatDoNotAreAllowed) {
  RunOptions state, now;
  state.kd.cache = "here.kd";
  now.kd.cache = "there.kd";
  now.data.threads = 5;
  now.data.prefetch = 9;
  now.data.cache_mb = 100;
  now.train.recompute = true;
  now.data.train = now.data.val = "moved";
  now.train.epochs = 40;
  now.train.eval_every = 2;
  now.train.checkpoint_every = 7;
  now.train.compute.device = "cuda";
  now.eval.protocol = "visdrone";
  EXPECT_NO_THROW(check_same_run(identity_of(state), identity_of(now), "runs/a"));
}

TEST(ResumeState, AnOptionYoungerThanTheStateHasItsDefaultThere) {
  TextMap state = identity_of({});
  std::string& text = state["options"];
  const size_t line = text.find("clip_norm");
  ASSERT_NE(line, std::string::npos);
  text.erase(line, text.find('\n', line) + 1 - line);
  EXPECT_NO_THROW(check_same_run(state, identity_of({}), "runs/a"));
  RunOptions other;
  other.train.optimizer.clip_norm = 3;
  EXPECT_THAT(refusal(state, identity_of(other)), HasSubstr("clip_norm"));
}

}  // namespace
}  // namespace skylift
