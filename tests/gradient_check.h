// Checks a function's gradient against central differences, in double precision.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

namespace skylift::testing {

/// `loss`: a scalar computed from `input` alone (it may be called often). Every element of the analytic gradient must
/// agree with (loss(x + h) - loss(x - h)) / 2h. Where the function has a kink the caller chooses an input away from it.
inline void expect_gradient_matches(const std::function<at::Tensor(const at::Tensor&)>& loss, const at::Tensor& input,
                                    double tolerance = 1e-6, double step = 1e-5) {
  at::Tensor x = input.detach().to(at::kDouble).clone().requires_grad_(true);
  const at::Tensor value = loss(x);
  ASSERT_EQ(value.scalar_type(), at::kDouble) << "the loss lost precision";
  const at::Tensor analytic = torch::autograd::grad({value}, {x}, {}, false, false, /*allow_unused=*/true)[0];
  ASSERT_TRUE(analytic.defined()) << "the loss does not depend on its input";

  const at::NoGradGuard no_grad;
  const at::Tensor flat = x.detach().clone().view({-1});
  const at::Tensor gradient = analytic.contiguous().view({-1});
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const double kept = flat[i].item<double>();
    flat[i] = kept + step;
    const double above = loss(flat.view_as(x)).item<double>();
    flat[i] = kept - step;
    const double below = loss(flat.view_as(x)).item<double>();
    flat[i] = kept;
    const double numeric = (above - below) / (2 * step), exact = gradient[i].item<double>();
    ASSERT_NEAR(exact, numeric, tolerance * (1 + std::abs(numeric))) << "at element " << i;
  }
}

}  // namespace skylift::testing
