#include "skylift/kd/divergence.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/gradient_check.h"

namespace skylift {
namespace {

// Golden values: plain Python in double precision from the formulas.
at::Tensor peak(double bin) { return -0.5 * (torch::arange(17, at::kDouble) - bin).abs(); }
at::Tensor student() { return torch::tensor({0.2, -1.0, -2.0}, at::kDouble); }
at::Tensor teacher() { return torch::tensor({1.0, -0.5, -3.0}, at::kDouble); }

TEST(Divergence, LdGolden) {
  EXPECT_NEAR(softmax_kl(peak(3), peak(4), 1).item<double>(), 0.120448, 1e-6);
  EXPECT_NEAR(softmax_kl(peak(3), peak(4), 1).item<double>() / 17, 0.007085, 1e-6);
  EXPECT_NEAR(softmax_kl(peak(3), peak(4), 10).item<double>(), 0.098926, 1e-6);
  EXPECT_NEAR(softmax_kl(peak(3), peak(4), 10).item<double>() / 17, 0.005819, 1e-6);
  EXPECT_NEAR(softmax_kl(peak(3).to(at::kFloat), peak(4).to(at::kFloat), 10).item<double>(), 0.098926, 1e-5);
}

TEST(Divergence, SoftmaxOverClassesGolden) {
  EXPECT_NEAR(softmax_kl(student(), teacher(), 2).item<double>() / 3, 0.050036, 1e-6);
}

TEST(Divergence, BernoulliGolden) {
  EXPECT_NEAR(bernoulli_kl(student(), teacher(), 2).sum().item<double>(), 0.190130, 1e-6);
  EXPECT_NEAR(bernoulli_kl(student(), teacher(), 2).mean().item<double>(), 0.063377, 1e-6);
}

TEST(Divergence, BernoulliGradientAtTemperatureOneIsThatOfACrossEntropy) {
  const at::Tensor x = student().requires_grad_(true);
  bernoulli_kl(x, teacher(), 1).sum().backward();
  EXPECT_TRUE(x.grad().allclose(student().sigmoid() - teacher().sigmoid()));
}

TEST(Divergence, ExtremeLogitsStayFinite) {
  const at::Tensor far = torch::tensor({80.0F, -80.0F, 0.0F}), other = torch::tensor({-80.0F, 80.0F, 0.0F});
  EXPECT_TRUE(bernoulli_kl(far, other, 1).isfinite().all().item<bool>());
  EXPECT_TRUE(softmax_kl(far, other, 1).isfinite().all().item<bool>());
  EXPECT_EQ(bernoulli_kl(far, far, 1).abs().sum().item<float>(), 0);
}

TEST(Divergence, Gradients) {
  for (const double temperature : {1.0, 3.0}) {
    testing::expect_gradient_matches([&](const at::Tensor& x) { return bernoulli_kl(x, teacher(), temperature).sum(); },
                                     student());
    testing::expect_gradient_matches([&](const at::Tensor& x) { return softmax_kl(x, peak(4), temperature); }, peak(3));
  }
}

TEST(Divergence, NoGradientReachesTheTeacher) {
  const at::Tensor t = teacher().requires_grad_(true);
  EXPECT_FALSE(bernoulli_kl(student(), t, 1).requires_grad());
  EXPECT_FALSE(softmax_kl(student(), t, 1).requires_grad());
}

}  // namespace
}  // namespace skylift
