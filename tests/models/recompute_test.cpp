#include "skylift/models/recompute.h"

#include <ATen/autocast_mode.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <tuple>

#include "skylift/models/backbone.h"

namespace skylift {
namespace {

class RecomputedBackbone : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(RecomputedBackbone, LearnsTheSame) {
  const auto [name, frozen_stages] = GetParam();
  const BackboneOptions options{.name = name, .width = 0.125, .frozen_stages = frozen_stages};
  torch::manual_seed(4);
  const auto kept = make_backbone(options);
  torch::manual_seed(4);
  const auto again = make_backbone(options);
  again->recompute(true);
  const at::Tensor images = torch::randn({2, 3, 64, 96});
  for (int step = 0; step < 2; ++step) {
    for (const auto& backbone : {kept, again}) {
      at::Tensor loss = torch::zeros({});
      for (const at::Tensor& map : backbone->forward(images)) loss = loss + map.square().mean();
      loss.backward();
    }
    const auto expected = kept->named_parameters(), got = again->named_parameters();
    for (const auto& entry : expected) {
      ASSERT_EQ(got[entry.key()].grad().defined(), entry.value().requires_grad()) << entry.key();
      if (!entry.value().requires_grad()) continue;
      EXPECT_TRUE(torch::allclose(got[entry.key()].grad(), entry.value().grad(), 1e-5, 1e-7)) << entry.key();
    }
  }
  const auto statistics = again->named_buffers();
  for (const auto& entry : kept->named_buffers())
    EXPECT_TRUE(statistics[entry.key()].equal(entry.value())) << entry.key();
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecomputedBackbone,
                         testing::Combine(testing::Values("resnet18", "resnet50", "efficientnet_lite0", "mobilenet_v2"),
                                          testing::Values(-1, 2)),
                         [](const auto& info) {
                           return fmt::format("{}_{}", std::get<0>(info.param),
                                              std::get<1>(info.param) < 0 ? "whole" : "frozen");
                         });

TEST(Recompute, NothingInBetweenIsKept) {
  torch::nn::Sequential block(torch::nn::Conv2d(3, 4, 3), torch::nn::Conv2d(4, 4, 3));
  c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> between(at::ones({1}).getIntrusivePtr());
  int calls = 0;
  const auto forward = [&](const at::Tensor& x) {
    const at::Tensor middle = block->ptr(0)->as<torch::nn::Conv2dImpl>()->forward(x);
    between = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>(middle.getIntrusivePtr());
    ++calls;
    return block->ptr(1)->as<torch::nn::Conv2dImpl>()->forward(middle);
  };
  const at::Tensor input = torch::randn({1, 3, 8, 8});
  const at::Tensor plain = forward(input);
  EXPECT_FALSE(between.expired());
  const at::Tensor output = recomputed(*block, forward, input);
  EXPECT_TRUE(between.expired());
  EXPECT_TRUE(output.equal(plain));
  calls = 0;
  output.sum().backward();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(block->parameters().front().grad().defined()) << "though the input needs no gradient";
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(recomputed(*block, forward, input).requires_grad());
}

class Autocast {
 public:
  Autocast() { at::autocast::set_autocast_enabled(at::kCPU, true); }
  ~Autocast() {
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
  }
};

/// The backward pass may run inside autocast, too, where the weights of the first pass are still cached, cast without a
/// gradient.
TEST(Recompute, UnderAutocastWeightsLearnTheSame) {
  const at::Tensor input = torch::randn({2, 3, 16, 16});
  torch::manual_seed(6);
  torch::nn::Conv2d conv(3, 8, 3);
  const auto forward = [&](const at::Tensor& x) { return conv->forward(x).relu(); };
  const auto gradient = [&](bool again, bool inside) {
    conv->zero_grad();
    std::optional<Autocast> autocast(std::in_place);
    const at::Tensor loss = (again ? recomputed(*conv, forward, input) : forward(input)).to(at::kFloat).square().sum();
    if (!inside) autocast.reset();
    loss.backward();
    return conv->weight.grad().clone();
  };
  const at::Tensor expected = gradient(false, false);
  EXPECT_TRUE(torch::allclose(gradient(true, false), expected, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(gradient(true, true), expected, 1e-3, 1e-3));
}

}  // namespace
}  // namespace skylift
