#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/losses/distribution_focal.h"
#include "skylift/losses/giou.h"
#include "skylift/losses/quality_focal.h"
#include "tests/gradient_check.h"

namespace skylift {
namespace {

// Golden values: plain Python in double precision from the formulas.
at::Tensor logits() { return torch::tensor({0.2, -1.0, -2.0}, at::kDouble); }
at::Tensor peak(double bin) { return -0.5 * (torch::arange(17, at::kDouble) - bin).abs().unsqueeze(0); }

TEST(QualityFocal, Golden) {
  const at::Tensor positive = quality_focal_loss(logits(), torch::tensor({0.0, 0.7, 0.0}, at::kDouble), 2);
  EXPECT_NEAR(positive.sum().item<double>(), 0.431371, 1e-6);
  EXPECT_NEAR(quality_focal_loss(logits(), torch::zeros({3}, at::kDouble), 2).sum().item<double>(), 0.265753, 1e-6);
}

TEST(QualityFocal, SoftTargetsOfATeacherGolden) {
  const at::Tensor teacher = torch::tensor({1.0, -0.5, -3.0}, at::kDouble).sigmoid();
  EXPECT_NEAR(quality_focal_loss(logits(), teacher, 1).sum().item<double>(), 0.209085, 1e-6);
  EXPECT_NEAR(quality_focal_loss(logits().to(at::kFloat), teacher.to(at::kFloat), 1).sum().item<double>(), 0.209085,
              1e-5);
}

TEST(QualityFocal, TheModulatingFactorCarriesGradient) {
  const at::Tensor targets = torch::tensor({0.0, 0.7, 0.3}, at::kDouble);
  for (const double beta : {1.0, 1.5, 2.0}) {
    testing::expect_gradient_matches([&](const at::Tensor& z) { return quality_focal_loss(z, targets, beta).sum(); },
                                     logits());
  }
}

TEST(QualityFocal, ATargetThatIsMetHasAFiniteGradientUnderEveryExponent) {
  for (const double beta : {0.0, 0.5, 1.0, 1.5, 2.0}) {
    const at::Tensor z = logits().requires_grad_(true);
    quality_focal_loss(z, z.detach().sigmoid(), beta).sum().backward();
    EXPECT_TRUE(at::isfinite(z.grad()).all().item<bool>()) << beta;
  }
}

TEST(DistributionFocal, Golden) {
  EXPECT_NEAR(distribution_focal_loss(peak(3), torch::tensor({3.3}, at::kDouble)).item<double>(), 1.468207, 1e-6);
}

TEST(DistributionFocal, DistancesBeyondTheBinsAreClamped) {
  const at::Tensor three = peak(3).expand({3, 17});
  const at::Tensor loss = distribution_focal_loss(three, torch::tensor({-2.0, 40.0, 15.9}, at::kDouble));
  const at::Tensor zero = distribution_focal_loss(peak(3), torch::tensor({0.0}, at::kDouble));
  EXPECT_EQ(loss[0].item<double>(), zero[0].item<double>());
  EXPECT_EQ(loss[1].item<double>(), loss[2].item<double>());
}

TEST(DistributionFocal, GradientAndNoRows) {
  const at::Tensor distances = torch::tensor({3.3, 0.0, 7.0}, at::kDouble);
  const at::Tensor rows = torch::cat({peak(3), peak(9), peak(0)});
  testing::expect_gradient_matches(
      [&](const at::Tensor& z) { return distribution_focal_loss(z, distances).square().sum(); }, rows);
  EXPECT_EQ(distribution_focal_loss(torch::zeros({0, 17}), torch::zeros({0})).numel(), 0);
}

TEST(Giou, GoldenAndGradient) {
  const at::Tensor box = torch::tensor({{0.0, 0.0, 4.0, 4.0}}, at::kDouble),
                   target = torch::tensor({{1.0, 1.0, 5.0, 6.0}}, at::kDouble);
  EXPECT_NEAR(giou_loss(box, target).item<double>(), 0.766667, 1e-6);
  testing::expect_gradient_matches([&](const at::Tensor& x) { return giou_loss(x, target).sum(); }, box);
}

}  // namespace
}  // namespace skylift
