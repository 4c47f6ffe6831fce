#include "skylift/models/convolve.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "skylift/models/layers.h"
#include "tests/models/small_integers.h"

namespace skylift {
namespace {

struct Gradients {
  at::Tensor output, input, weight, bias;
};

template <class Forward>
Gradients gradients(torch::nn::Conv2d conv, const at::Tensor& map, const Forward& forward) {
  const at::Tensor input = map.detach().clone().set_requires_grad(true);
  conv->zero_grad();
  const at::Tensor output = forward(input);
  (output * small_integers(output.sizes(), 2)).sum().backward();
  const auto copy = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.clone() : at::zeros({1}); };
  return {output.detach(), copy(input.grad()), copy(conv->weight.grad()),
          copy(conv->bias.defined() ? conv->bias.grad() : at::Tensor())};
}

TEST(Convolve, AWideConvolutionIsTheSameByEitherWay) {
  for (const int stride : {1, 2}) {
    for (const bool bias : {true, false}) {
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        auto conv = make_conv(32, 40, 3, stride, bias);
        {
          const at::NoGradGuard no_grad;
          for (auto& parameter : conv->parameters()) {
            parameter.copy_(small_integers(parameter.sizes(), 3));
            if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(format));
          }
        }
        const at::Tensor map = small_integers({2, 32, 9, 14}, 7).contiguous(format);
        const Gradients got = gradients(conv, map, [&](const at::Tensor& x) { return convolve(*conv, x); });
        const Gradients expected = gradients(conv, map, [&](const at::Tensor& x) { return conv->forward(x); });
        for (at::Tensor Gradients::*part :
             {&Gradients::output, &Gradients::input, &Gradients::weight, &Gradients::bias}) {
          EXPECT_TRUE(at::equal(got.*part, expected.*part)) << "stride " << stride << ", bias " << bias;
        }
      }
    }
  }
}

TEST(Convolve, ADepthwiseConvolutionIsTheSameByEitherWay) {
  for (const int64_t channels : {3, 40, 72}) {
    for (const int kernel : {3, 5, 7}) {
      for (const int stride : {1, 2}) {
        for (const int padding : {0, kernel / 2}) {
          torch::nn::Conv2d conv(torch::nn::Conv2dOptions(channels, channels, kernel)
                                     .stride(stride)
                                     .padding(padding)
                                     .groups(channels)
                                     .bias(padding > 0));
          {
            const at::NoGradGuard no_grad;
            for (auto& parameter : conv->parameters()) parameter.copy_(small_integers(parameter.sizes(), 3));
            conv->weight.set_data(conv->weight.contiguous(at::MemoryFormat::ChannelsLast));
          }
          const at::Tensor map = small_integers({3, channels, 9, 12}, 7).contiguous(at::MemoryFormat::ChannelsLast);
          const Gradients got = gradients(conv, map, [&](const at::Tensor& x) { return convolve(*conv, x); });
          const Gradients expected = gradients(conv, map, [&](const at::Tensor& x) { return conv->forward(x); });
          for (at::Tensor Gradients::*part :
               {&Gradients::output, &Gradients::input, &Gradients::weight, &Gradients::bias}) {
            EXPECT_TRUE(at::equal(got.*part, expected.*part))
                << channels << " channels, kernel " << kernel << ", stride " << stride << ", padding " << padding;
          }
        }
      }
    }
  }
}

TEST(Convolve, WeightsLearnFromAnInputWithoutGradient) {
  auto conv = make_conv(32, 40, 3);
  const at::Tensor map = at::ones({1, 32, 6, 6}).contiguous(at::MemoryFormat::ChannelsLast);
  convolve(*conv, map).sum().backward();
  EXPECT_TRUE(conv->weight.grad().defined());
}

}  // namespace
}  // namespace skylift
