#include "skylift/models/fpn.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>

#include "skylift/models/convolve.h"
#include "skylift/models/layers.h"

namespace skylift {
namespace {

constexpr int top_level = 5;     // of the backbone
constexpr int bottom_level = 2;  // the backbone's maps begin with C2

/// To the exact size of the finer map: maps of odd sizes are not halves of each other.
at::Tensor upsampled_like(const at::Tensor& coarse, const at::Tensor& fine) {
  return at::upsample_nearest2d(coarse, {fine.size(2), fine.size(3)});
}

}  // namespace

FeaturePyramid::FeaturePyramid(const NeckOptions& options, const std::vector<int64_t>& in_channels)
    : options_(options) {
  for (int level = options.first_level; level <= top_level; ++level) {
    laterals_.push_back(add_conv("lateral" + std::to_string(level), in_channels[level - bottom_level], 1, 1));
  }
  for (int level = options.first_level; level <= options.last_level; ++level) {
    outputs_.push_back(add_conv("output" + std::to_string(level), options.channels, 3, level > top_level ? 2 : 1));
  }
}

torch::nn::Conv2d FeaturePyramid::add_conv(const std::string& name, int64_t in_channels, int kernel, int stride) {
  auto conv = register_module(name, make_conv(in_channels, options_.channels, kernel, stride, /*bias=*/true));
  torch::nn::init::xavier_uniform_(conv->weight);
  torch::nn::init::zeros_(conv->bias);
  return conv;
}

std::vector<at::Tensor> FeaturePyramid::forward(const std::vector<at::Tensor>& backbone_maps) {
  std::vector<at::Tensor> maps;
  for (size_t i = 0; i < laterals_.size(); ++i) {
    maps.push_back(laterals_[i]->forward(backbone_maps[options_.first_level - bottom_level + i]));
  }
  for (size_t i = maps.size() - 1; i > 0; --i) maps[i - 1] = maps[i - 1] + upsampled_like(maps[i], maps[i - 1]);
  std::vector<at::Tensor> pyramid;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    pyramid.push_back(convolve(*outputs_[i], i < maps.size() ? maps[i] : pyramid.back()));
  }
  return pyramid;
}

}  // namespace skylift
