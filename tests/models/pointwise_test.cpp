#include "skylift/models/pointwise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "skylift/models/layers.h"
#include "tests/models/small_integers.h"

namespace skylift {
namespace {

TEST(Pointwise, APointwiseConvolutionOfStride2IsTheSameByEitherWay) {
  for (const int64_t channels : {8, 12, 16}) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      auto conv = make_conv(channels, 24, 1, /*stride=*/2);
      at::AutoGradMode off(false);
      conv->weight.copy_(small_integers(conv->weight.sizes(), 5));
      at::AutoGradMode on(true);
      at::Tensor input = small_integers({2, channels, 11, 14}, 3).contiguous(format).set_requires_grad(true);
      at::Tensor same = input.detach().clone().set_requires_grad(true);
      const at::Tensor by_slice = forward_pointwise(*conv, input);
      (by_slice * small_integers(by_slice.sizes(), 2)).sum().backward();
      const at::Tensor weight_gradient = conv->weight.grad().clone();
      conv->weight.mutable_grad().zero_();
      const at::Tensor expected = at::conv2d(same, conv->weight, {}, 2);
      (expected * small_integers(expected.sizes(), 2)).sum().backward();
      EXPECT_TRUE(at::equal(by_slice, expected)) << channels;
      EXPECT_TRUE(at::equal(weight_gradient, conv->weight.grad())) << channels;
      EXPECT_TRUE(at::equal(input.grad(), same.grad())) << channels;
    }
  }
}

}  // namespace
}  // namespace skylift
