#include "skylift/models/resnet.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <algorithm>
#include <array>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/models/convolve.h"
#include "skylift/models/layers.h"
#include "skylift/models/pointwise.h"

namespace skylift {
namespace {

struct ResNetPlan {
  const char* name;
  bool bottleneck;
  std::array<int, 4> blocks;
};

constexpr ResNetPlan resnet_plans[] = {
    {"resnet18", false, {2, 2, 2, 2}},
    {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},
};

const ResNetPlan& resnet_plan_of(const std::string& name) {
  for (const auto& plan : resnet_plans) {
    if (name == plan.name) return plan;
  }
  throw Error("backbone.name: unknown backbone '{}'{}", name, suggestion(name, backbone_names()));
}

torch::nn::Conv2d he_conv(int64_t in_channels, int64_t out_channels, int kernel, int stride) {
  return skylift::he_conv(
      torch::nn::Conv2dOptions(in_channels, out_channels, kernel).stride(stride).padding(kernel / 2).bias(false));
}

}  // namespace

ResidualBlock::ResidualBlock(int64_t in_channels, int64_t width, int stride, bool bottleneck)
    : out_channels_(bottleneck ? 4 * width : width) {
  const int strided = bottleneck ? 1 : 0, count = bottleneck ? 3 : 2;
  int64_t channels = in_channels;
  for (int i = 0; i < count; ++i) {
    const int64_t out = i + 1 < count ? width : out_channels_;
    const int kernel = bottleneck && i != 1 ? 1 : 3;
    const std::string number = std::to_string(i + 1);
    convs_.push_back(register_module("conv" + number, he_conv(channels, out, kernel, i == strided ? stride : 1)));
    norms_.push_back(register_module("bn" + number, torch::nn::BatchNorm2d(out)));
    channels = out;
  }
  torch::nn::init::zeros_(norms_.back()->weight);  // every block begins as its shortcut
  if (stride == 1 && in_channels == out_channels_) return;
  downsample_ = register_module("downsample", torch::nn::Sequential(he_conv(in_channels, out_channels_, 1, stride),
                                                                    torch::nn::BatchNorm2d(out_channels_)));
}

at::Tensor ResidualBlock::forward(const at::Tensor& input) {
  at::Tensor x = input;
  for (size_t i = 0; i < convs_.size(); ++i) {
    x = norms_[i]->forward(convolve(*convs_[i], x));
    if (i + 1 < convs_.size())
      x.relu_();  // batch norm's backward needs its input only, so its output may be overwritten
  }
  return x.add_(shortcut(input)).relu_();
}

at::Tensor ResidualBlock::shortcut(const at::Tensor& input) {
  if (downsample_.is_empty()) return input;
  auto& conv = *downsample_->ptr(0)->as<torch::nn::Conv2dImpl>();
  auto& norm = *downsample_->ptr(1)->as<torch::nn::BatchNorm2dImpl>();
  return norm.forward(forward_pointwise(conv, input));
}

bool ResNet::knows(const std::string& name) {
  return std::any_of(std::begin(resnet_plans), std::end(resnet_plans),
                     [&](const auto& plan) { return name == plan.name; });
}

ResNet::ResNet(const BackboneOptions& options) : Backbone(options) {
  const ResNetPlan& plan = resnet_plan_of(options.name);
  bottleneck_ = plan.bottleneck;
  const int64_t stem = scaled_channels(64, options.width);
  conv1_ = register_module("conv1", he_conv(3, stem, 7, 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(stem));
  for (int stage = 0; stage < 4; ++stage) {
    add_stage(scaled_channels(64 << stage, options.width), plan.blocks[stage], stage == 0 ? 1 : 2, plan.bottleneck);
  }
  begin_training();
}

void ResNet::add_stage(int64_t width, int blocks, int stride, bool bottleneck) {
  torch::nn::ModuleList list;
  stages_.emplace_back();
  int64_t channels = out_channels_.empty() ? conv1_->options.out_channels() : out_channels_.back();
  for (int i = 0; i < blocks; ++i) {
    auto block = std::make_shared<ResidualBlock>(channels, width, i == 0 ? stride : 1, bottleneck);
    channels = block->out_channels();
    list->push_back(block);
    stages_.back().push_back(block);
  }
  register_module("layer" + std::to_string(stages_.size()), list);
  out_channels_.push_back(channels);
}

std::vector<at::Tensor> ResNet::forward(const at::Tensor& images) {
  at::Tensor x = bn1_->forward(conv1_->forward(images)).relu_();
  x = at::max_pool2d(x, 3, 2, 1);
  std::vector<at::Tensor> outputs;
  for (auto& stage : stages_) {
    for (const auto& block : stage) x = through(block, x);
    outputs.push_back(x);
  }
  return outputs;
}

int ResNet::stage_of(const std::string& name) const { return name.starts_with("layer") ? name[5] - '0' : 0; }

int ResNet::level_of(const std::string& name) const {
  const int stage = stage_of(name);
  // The 1x1 before a bottleneck's strided 3x3 still works at the level below.
  return bottleneck_ && stage > 1 && name.ends_with(".0.conv1.weight") ? stage : stage + 1;
}

}  // namespace skylift
