#include "skylift/models/layers.h"

#include <torch/nn/init.h>

#include <algorithm>
#include <cmath>

namespace skylift {

torch::nn::Conv2d make_conv(int64_t in_channels, int64_t out_channels, int kernel, int stride, bool bias) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in_channels, out_channels, kernel).stride(stride).padding(kernel / 2).bias(bias));
}

torch::nn::Conv2d he_conv(const torch::nn::Conv2dOptions& options) {
  torch::nn::Conv2d conv(options);
  const double fan_out = static_cast<double>(conv->weight.numel()) / static_cast<double>(options.in_channels());
  torch::nn::init::normal_(conv->weight, 0, std::sqrt(2 / fan_out));
  if (conv->bias.defined()) torch::nn::init::zeros_(conv->bias);
  return conv;
}

int64_t scaled_channels(int64_t channels, double factor) {
  if (factor == 1) return channels;
  return std::max<int64_t>(8, std::llround(static_cast<double>(channels) * factor / 8) * 8);
}

void init_normal(torch::nn::Conv2d& conv, double deviation) {
  torch::nn::init::normal_(conv->weight, 0, deviation);
  if (conv->bias.defined()) torch::nn::init::zeros_(conv->bias);
}

torch::nn::GroupNorm make_group_norm(int64_t channels, int groups) {
  int64_t divisor = std::min<int64_t>(groups, channels);
  while (channels % divisor != 0) --divisor;
  return torch::nn::GroupNorm(torch::nn::GroupNormOptions(divisor, channels));
}

}  // namespace skylift
