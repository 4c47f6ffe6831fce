#include "skylift/train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <limits>

#include "skylift/core/error.h"

namespace skylift {
namespace {

at::Tensor parameter(double value) { return at::full({3}, value, at::kDouble).set_requires_grad(true); }

void descend(ScheduledOptimizer& optimizer, const NamedParameters& parameters, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.set_factor(1);
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (const auto& [name, tensor] : parameters) loss = loss + (tensor * tensor * tensor).sum();
    loss.backward();
    optimizer.step();
  }
}

TEST(Optimizer, RateFollowsBatchFactorAndBackbone) {
  const NamedParameters parameters = {{"backbone.w", parameter(1)}, {"head.w", parameter(1)}};
  ScheduledOptimizer optimizer(
      {.name = "sgd", .lr = 0.16, .momentum = 0, .weight_decay = 0, .backbone_lr_factor = 0.5, .clip_norm = 0},
      parameters, /*batch_size=*/8);
  optimizer.set_factor(0.5);  // 0.16 * 8 / 16 * 0.5 = 0.04
  EXPECT_DOUBLE_EQ(optimizer.lr(), 0.04);
  (parameters[0].second.sum() + parameters[1].second.sum()).backward();
  optimizer.step();
  EXPECT_NEAR(parameters[0].second[0].item<double>(), 1 - 0.02, 1e-12);
  EXPECT_NEAR(parameters[1].second[0].item<double>(), 1 - 0.04, 1e-12);
}

TEST(Optimizer, ClipsTheNormOfAllGradientsTogether) {
  const NamedParameters parameters = {{"a", parameter(0)}, {"b", parameter(0)}};
  ScheduledOptimizer optimizer({.name = "sgd", .lr = 16, .momentum = 0, .weight_decay = 0, .clip_norm = 1}, parameters,
                               1);
  optimizer.set_factor(1);
  (parameters[0].second.sum() * 2 + parameters[1].second.sum() * 2).backward();
  EXPECT_NEAR(optimizer.step(), std::sqrt(24.0), 1e-9);  // six gradients of 2
  EXPECT_NEAR(parameters[0].second[0].item<double>(), -2 / std::sqrt(24.0), 1e-6);
}

/// The fused kernel against libtorch's class, in a layout that gradients do not have.
TEST(Optimizer, AdamWIsLibtorchs) {
  at::Tensor kernel = at::arange(2 * 3 * 3 * 3, at::kFloat).view({2, 3, 3, 3}).div(50);
  kernel = kernel.contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  at::Tensor reference = kernel.detach().clone(at::MemoryFormat::Contiguous).set_requires_grad(true);
  torch::optim::AdamW expected({reference}, torch::optim::AdamWOptions(0.03).weight_decay(0.1));
  ScheduledOptimizer optimizer({.name = "adamw", .lr = 0.03, .weight_decay = 0.1, .clip_norm = 0}, {{"head.w", kernel}},
                               16);
  for (int step = 0; step < 4; ++step) {
    optimizer.set_factor(1);
    for (const at::Tensor& weight : {kernel, reference}) (weight * weight.sin()).sum().backward();
    optimizer.step();
    expected.step();
    expected.zero_grad();
    EXPECT_TRUE(at::allclose(kernel, reference, 1e-6, 1e-7)) << step;
  }
}

/// The fused kernel walks over memory, so moments must lie as the parameter does: those of an older state may not.
TEST(Optimizer, AStateInAnotherLayoutGoesOnTheSame) {
  const auto kernel = [] {
    const at::Tensor values = at::arange(2 * 3 * 3 * 3, at::kFloat).view({2, 3, 3, 3}).div(50);
    return values.contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  };
  const OptimizerOptions options{.name = "adamw", .lr = 0.03};
  const at::Tensor whole = kernel(), resumed = kernel();
  const auto step = [](ScheduledOptimizer& optimizer, const at::Tensor& weight) {
    optimizer.set_factor(1);
    (weight * weight.sin()).sum().backward();
    optimizer.step();
  };
  ScheduledOptimizer first(options, {{"head.w", whole}}, 16), second(options, {{"head.w", resumed}}, 16);
  step(first, whole);
  NamedParameters state;
  for (const auto& [name, tensor] : first.state()) state.emplace_back(name, tensor.contiguous());
  {
    const at::NoGradGuard no_grad;
    at::Tensor(resumed).copy_(whole);
  }
  second.load_state(state);
  step(first, whole);
  step(second, resumed);
  EXPECT_TRUE(at::equal(resumed, whole));
}

TEST(Optimizer, GradientsThatAreNotFiniteChangeNothing) {
  const NamedParameters parameters = {{"a", parameter(1)}, {"b", parameter(2)}};
  ScheduledOptimizer optimizer({.name = "sgd", .lr = 16, .clip_norm = 1}, parameters, 1);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    optimizer.set_factor(1);
    (parameters[0].second.sum() * bad + parameters[1].second.sum()).backward();
    EXPECT_THROW(optimizer.step(), Error);
    EXPECT_TRUE(at::equal(parameters[0].second, at::full({3}, 1, at::kDouble)));
    EXPECT_TRUE(at::equal(parameters[1].second, at::full({3}, 2, at::kDouble)));
  }
}

TEST(Optimizer, FrozenParametersAreLeftAlone) {
  at::Tensor frozen = at::ones({2}, at::kDouble);
  const NamedParameters parameters = {{"frozen", frozen}, {"b", parameter(1)}};
  ScheduledOptimizer optimizer({.name = "adamw", .lr = 1, .weight_decay = 1}, parameters, 16);
  descend(optimizer, {parameters[1]}, 3);
  EXPECT_TRUE(at::equal(frozen, at::ones({2}, at::kDouble)));
}

class OptimizerState : public ::testing::TestWithParam<const char*> {};

TEST_P(OptimizerState, RestoredStateGivesTheSameNextStepsBitForBit) {
  const OptimizerOptions options{.name = GetParam(), .lr = 0.01, .clip_norm = 0};
  const NamedParameters whole = {{"a", parameter(0.7)}, {"b", parameter(-0.3)}};
  ScheduledOptimizer uninterrupted(options, whole, 16);
  descend(uninterrupted, whole, 3);

  NamedParameters resumed;
  for (const auto& [name, tensor] : whole) resumed.emplace_back(name, tensor.detach().clone().set_requires_grad(true));
  ScheduledOptimizer restored(options, resumed, 16);
  restored.load_state(uninterrupted.state());
  descend(uninterrupted, whole, 4);
  descend(restored, resumed, 4);
  for (size_t i = 0; i < whole.size(); ++i)
    EXPECT_TRUE(at::equal(whole[i].second, resumed[i].second)) << whole[i].first;
}

INSTANTIATE_TEST_SUITE_P(Rules, OptimizerState, ::testing::Values("sgd", "adamw"));

TEST(Optimizer, StateOfAnotherShapeIsAnError) {
  const NamedParameters parameters = {{"a", parameter(1)}};
  ScheduledOptimizer optimizer({}, parameters, 16);
  EXPECT_THROW(optimizer.load_state({{"optimizer.a.momentum", at::zeros({4}, at::kDouble)}}), Error);
}

}  // namespace
}  // namespace skylift
