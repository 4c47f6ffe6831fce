#include "skylift/models/lifting.h"

#include <gmock/gmock.h>

#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

ModelOptions lifted_options(LiftingOptions lifting = {}) {
  ModelOptions options = tiny_options();
  lifting.enabled = true;
  options.head.lifting = lifting;
  return options;
}

/// Sum of a loss on one kind of logits; its gradient at the last convolution of a tower.
double tower_gradient(Detector& detector, at::Tensor LevelOutput::*logits, const char* tower) {
  detector.zero_grad();
  const auto output = detector.forward(random_images(1, 64, 64));
  at::Tensor loss = torch::zeros({});
  for (const auto& level : output.levels) loss = loss + (level.*logits).square().sum();
  loss.backward();
  const auto gradient = detector.named_parameters()[std::string("head.") + tower + ".1.conv.weight"].grad();
  return gradient.defined() ? gradient.abs().sum().item<double>() : 0;
}

void sgd_step(Detector& detector, double rate) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : detector.parameters()) {
    if (parameter.grad().defined()) parameter.sub_(rate * parameter.grad());
  }
}

TEST(Lifting, ShuffleInterleavesTheTowers) {
  const auto map = [](std::vector<float> values) { return torch::tensor(values).view({1, 4, 1, 1}); };
  const auto halves = shuffled_halves({map({0, 1, 2, 3}), map({10, 11, 12, 13})});
  EXPECT_TRUE(halves[0].equal(map({0, 10, 1, 11})));
  EXPECT_TRUE(halves[1].equal(map({2, 12, 3, 13})));
}

TEST(Lifting, ShuffleIsTheSameInChannelsLastAndStaysSo) {
  const TowerPair plain = {torch::randn({2, 5, 3, 4}), torch::randn({2, 5, 3, 4})};
  const auto last = [](const at::Tensor& map) { return map.contiguous(at::MemoryFormat::ChannelsLast); };
  const auto expected = shuffled_halves(plain), halves = shuffled_halves({last(plain.cls), last(plain.reg)});
  EXPECT_TRUE(halves[0].equal(expected[0]));
  EXPECT_TRUE(halves[1].equal(expected[1]));
  EXPECT_EQ(halves[0].stride(1), 1);
}

TEST(Lifting, LightConvolutionReadsBothTowersAndIsAdded) {
  LightMl lifting(2, {.enabled = true}, 1);
  {
    torch::NoGradGuard no_grad;
    lifting.named_parameters()["cls.weight"].copy_(torch::tensor({{1., 2.}, {3., 4.}}).view({2, 2, 1, 1}));
  }
  const auto map = [](double a, double b) { return torch::tensor({a, b}, torch::kFloat).view({1, 2, 1, 1}); };
  const auto out = lifting.forward({map(1, 5), map(10, 50)});  // first half: cls_0 = 1, reg_0 = 10
  EXPECT_TRUE(out.cls.equal(map(1 + 21, 5 + 43)));
  EXPECT_TRUE(out.reg.equal(map(10, 50)));
}

TEST(Lifting, TheMatrixFormIsTheSameFunctionWithTheSameGradients) {
  for (const int64_t channels : {6, 5}) {
    torch::manual_seed(4);
    LightMl lifting(channels, {.enabled = true}, 1);
    lifting.to(torch::kDouble);
    {
      torch::NoGradGuard no_grad;
      for (auto& weight : lifting.parameters()) weight.normal_();
    }
    const at::Tensor cls = torch::randn({2, channels, 3, 4}, torch::kDouble),
                     reg = torch::randn({2, channels, 3, 4}, torch::kDouble);
    const auto run = [&](at::MemoryFormat format) {
      lifting.zero_grad();
      const TowerPair in = {cls.clone().contiguous(format).requires_grad_(),
                            reg.clone().contiguous(format).requires_grad_()};
      const TowerPair out = lifting.forward(in);
      (out.cls.pow(2).sum() + (out.reg * torch::arange(channels).view({1, channels, 1, 1})).sum()).backward();
      return std::vector<at::Tensor>{out.cls,
                                     out.reg,
                                     in.cls.grad(),
                                     in.reg.grad(),
                                     lifting.named_parameters()["cls.weight"].grad().clone(),
                                     lifting.named_parameters()["reg.weight"].grad().clone()};
    };
    const auto expected = run(at::MemoryFormat::Contiguous), got = run(at::MemoryFormat::ChannelsLast);
    for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].allclose(expected[i], 1e-12, 1e-12)) << i;
    EXPECT_EQ(got[0].stride(1), 1) << "left channels_last";
  }
}

class LiftingKinds : public testing::TestWithParam<LiftingOptions> {};

TEST_P(LiftingKinds, StartsAsThePlainStudentBitForBit) {
  const auto plain = seeded_detector(tiny_options());
  const auto after_plain = torch::randn({4});
  const auto lifted = seeded_detector(lifted_options(GetParam()));
  const auto after_lifted = torch::randn({4});
  EXPECT_TRUE(after_plain.equal(after_lifted)) << "the module drew random numbers";
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor images = random_images(2, 64, 64).contiguous(format);
    const auto expected = plain->forward(images), got = lifted->forward(images);
    for (size_t i = 0; i < expected.levels.size(); ++i) {
      EXPECT_TRUE(got.levels[i].cls_logits.equal(expected.levels[i].cls_logits));
      EXPECT_TRUE(got.levels[i].box_logits.equal(expected.levels[i].box_logits));
    }
  }
  for (const auto& item : plain->named_parameters()) {
    EXPECT_TRUE(item.value().equal(lifted->named_parameters()[item.key()])) << item.key();
  }
}

TEST_P(LiftingKinds, GradientsCrossTheTowersAfterTheFirstStep) {
  const auto lifted = seeded_detector(lifted_options(GetParam()));
  EXPECT_EQ(tower_gradient(*lifted, &LevelOutput::cls_logits, "reg_tower"), 0);
  sgd_step(*lifted, 1e-3);
  EXPECT_EQ(tower_gradient(*lifted, &LevelOutput::box_logits, "cls_tower"), 0) << "the box branch has not moved yet";
  sgd_step(*lifted, 1e-3);
  EXPECT_GT(tower_gradient(*lifted, &LevelOutput::cls_logits, "reg_tower"), 0);
  EXPECT_GT(tower_gradient(*lifted, &LevelOutput::box_logits, "cls_tower"), 0);
}

INSTANTIATE_TEST_SUITE_P(All, LiftingKinds,
                         testing::Values(LiftingOptions{}, LiftingOptions{.kernel = 3}, LiftingOptions{.groups = 4},
                                         LiftingOptions{.groups = 0}, LiftingOptions{.norm = "gn"},
                                         LiftingOptions{.kernel = 3, .groups = 0, .norm = "gn", .activation = "relu"}));

TEST(Lifting, WithoutTheModuleNoGradientCrosses) {
  const auto plain = seeded_detector(tiny_options());
  for (int step = 0; step < 2; ++step) {
    EXPECT_EQ(tower_gradient(*plain, &LevelOutput::cls_logits, "reg_tower"), 0);
    sgd_step(*plain, 1e-3);
    EXPECT_EQ(tower_gradient(*plain, &LevelOutput::box_logits, "cls_tower"), 0);
    EXPECT_GT(tower_gradient(*plain, &LevelOutput::box_logits, "reg_tower"), 0);
    sgd_step(*plain, 1e-3);
  }
}

TEST(Lifting, TrainingOnlyPredictsTwiceAndOnceInEval) {
  const auto lifted = seeded_detector(lifted_options({.training_only = true}));
  {
    torch::NoGradGuard no_grad;
    lifted->named_parameters()["head.lifting.cls.weight"].normal_(0, 0.1);
  }
  const at::Tensor images = random_images(1, 64, 64);
  const auto training = lifted->forward(images);
  ASSERT_TRUE(training.has_lifted());
  EXPECT_FALSE(training.levels[0].lifted_cls_logits.equal(training.levels[0].cls_logits));
  EXPECT_TRUE(training.levels[0].lifted_box_logits.equal(training.levels[0].box_logits));
  const auto plain = seeded_detector(tiny_options())->forward(images);
  EXPECT_TRUE(training.levels[0].cls_logits.equal(plain.levels[0].cls_logits));
  lifted->eval();
  EXPECT_FALSE(lifted->forward(images).has_lifted());
}

}  // namespace
}  // namespace skylift
