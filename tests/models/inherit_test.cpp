#include "skylift/models/inherit.h"

#include <gmock/gmock.h>

#include "skylift/models/fold.h"
#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

ModelOptions teacher_options() {
  ModelOptions options = tiny_options();
  options.backbone.width = 0.25;
  options.neck.channels = options.head.channels = 32;
  options.head.depth = 3;
  return options;
}

at::Tensor parameter(Detector& detector, const std::string& name) { return detector.named_parameters()[name]; }

TEST(Inherit, EqualShapesAreCopiedAndTheRestStays) {
  ModelOptions options = teacher_options();
  const auto teacher = seeded_detector(options);
  options.backbone.width = 0.125;
  const auto student = seeded_detector(options, 3, 8), before = seeded_detector(options, 3, 8);
  const InheritReport report = inherit(*student, *teacher);
  for (const std::string& name : report.inherited) {
    EXPECT_TRUE(parameter(*student, name).equal(parameter(*teacher, name))) << name;
  }
  EXPECT_THAT(report.inherited, IsSupersetOf({"neck.output3.weight", "head.reg_tower.2.conv.weight",
                                              "head.cls_predictor.bias", "head.level_scales"}));
  EXPECT_THAT(report.kept,
              UnorderedElementsAre("neck.lateral3.weight", "neck.lateral4.weight", "neck.lateral5.weight"));
  for (const auto& entry : before->named_parameters()) {
    if (std::ranges::find(report.inherited, entry.key()) != report.inherited.end()) continue;
    EXPECT_TRUE(entry.value().equal(parameter(*student, entry.key()))) << entry.key();
  }
}

TEST(Inherit, BackbonesOfEqualWidthHandTheirLateralsOn) {
  const auto teacher = seeded_detector(tiny_options()), student = seeded_detector(tiny_options(), 3, 8);
  EXPECT_TRUE(inherit(*student, *teacher).kept.empty());
  EXPECT_TRUE(parameter(*student, "neck.lateral4.weight").equal(parameter(*teacher, "neck.lateral4.weight")));
}

TEST(Inherit, ANarrowerAndShorterStudentTakesEvenlySpacedChannelsOfTheFirstConvolutions) {
  const auto teacher = seeded_detector(teacher_options());
  ModelOptions options = tiny_options();
  options.neck.channels = options.head.channels = 12;  // of 32: channels 0, 2, 5, 8, ..
  const auto student = seeded_detector(options);
  const InheritReport report = inherit(*student, *teacher);
  const at::Tensor channels = torch::tensor({0, 2, 5, 8, 10, 13, 16, 18, 21, 24, 26, 29});
  const auto taken = [&](const char* name) { return parameter(*teacher, name).index_select(0, channels); };
  EXPECT_TRUE(parameter(*student, "head.cls_tower.1.norm.weight").equal(taken("head.cls_tower.1.norm.weight")));
  EXPECT_TRUE(parameter(*student, "head.cls_tower.1.conv.weight")
                  .equal(taken("head.cls_tower.1.conv.weight").index_select(1, channels)));
  EXPECT_TRUE(parameter(*student, "head.box_predictor.weight")
                  .equal(parameter(*teacher, "head.box_predictor.weight").index_select(1, channels)));
}

TEST(Inherit, LevelsAreMatchedByTheirStride) {
  ModelOptions options = teacher_options();
  const auto teacher = seeded_detector(options);
  options.neck.first_level = 2;
  options.neck.last_level = 6;
  const auto student = seeded_detector(options, 3, 8);
  const InheritReport report = inherit(*student, *teacher);
  EXPECT_TRUE(parameter(*student, "neck.output4.weight").equal(parameter(*teacher, "neck.output4.weight")));
  EXPECT_THAT(report.kept, IsSupersetOf({"neck.output2.weight", "neck.output6.weight", "head.level_scales"}));
}

TEST(Inherit, AWiderStudentKeepsItsStart) {
  const auto teacher = seeded_detector(tiny_options());
  const auto student = seeded_detector(teacher_options());
  EXPECT_THAT(inherit(*student, *teacher).inherited,
              UnorderedElementsAre("head.cls_predictor.bias", "head.box_predictor.bias", "head.level_scales"));
}

TEST(Inherit, LightMlAndPredictorsIntoWhichItIsFoldedStayWithTheTeacher) {
  ModelOptions options = teacher_options();
  options.head.lifting.enabled = true;
  const auto lifted = seeded_detector(options), student = seeded_detector(options, 3, 8);
  {
    const at::NoGradGuard no_grad;
    parameter(*lifted, "head.lifting.cls.weight").fill_(1);
  }
  const InheritReport from_lifted = inherit(*student, *lifted);
  EXPECT_EQ(parameter(*student, "head.lifting.cls.weight").abs().max().item<float>(), 0);
  EXPECT_THAT(from_lifted.inherited, Contains("head.cls_predictor.weight"));
  const InheritReport from_folded = inherit(*student, *make_detector(folded_state(*lifted), 3, "folded"));
  EXPECT_THAT(from_folded.kept, IsSupersetOf({"head.cls_predictor.weight", "head.box_predictor.weight"}));
  EXPECT_THAT(from_folded.inherited, Contains("head.cls_tower.2.conv.weight"));
}

}  // namespace
}  // namespace skylift
