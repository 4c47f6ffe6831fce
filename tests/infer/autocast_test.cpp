// Light-ML under autocast: what a bf16 training runs.
#include <gtest/gtest.h>

#include <utility>

#include "skylift/infer/device.h"
#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

/// Forward and backward of a lifted detector whose light convolutions are not zero, with or without autocast.
std::pair<at::Tensor, at::Tensor> logits_and_gradient(bool bf16) {
  ModelOptions options = tiny_options();
  options.head.lifting.enabled = true;
  const auto detector = seeded_detector(options);
  at::Tensor weight = detector->named_parameters()["head.lifting.reg.weight"];
  {
    torch::NoGradGuard no_grad;
    detector->named_parameters()["head.lifting.cls.weight"].normal_(0, 0.1);
    weight.normal_(0, 0.1);
  }
  ComputeDevice compute;
  compute.bf16 = bf16;
  DenseOutput output;
  {
    const AutocastScope autocast(compute);
    output = detector->forward(random_images(1, 64, 64));
  }
  const at::Tensor logits = torch::cat({flat_cls_logits(output).flatten(), flat_box_logits(output).flatten()});
  logits.square().sum().backward();
  return {logits.detach(), weight.grad().flatten()};
}

TEST(Autocast, ALiftedDetectorIsTheSameToSixteenBits) {
  const auto [exact, exact_gradient] = logits_and_gradient(false);
  const auto [rounded, rounded_gradient] = logits_and_gradient(true);
  ASSERT_GT(exact_gradient.abs().sum().item<double>(), 0);
  const auto distance = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).norm() / b.norm()).item<double>();
  };
  EXPECT_FALSE(rounded.equal(exact)) << "autocast was not on";
  EXPECT_LT(distance(rounded, exact), 0.03);
  EXPECT_LT(distance(rounded_gradient.to(at::kFloat), exact_gradient), 0.1);
}

}  // namespace
}  // namespace skylift
