#include "skylift/models/inverted_residual.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/models/convolve.h"
#include "skylift/models/layers.h"

namespace skylift {

struct InvertedResidualPlan {
  const char* name;
  std::array<int, 7> channels, repeats, kernels;
  double norm_eps, norm_momentum;
  bool same_padding;  ///< TensorFlow's; else kernel / 2 on every side
  const char* list;   ///< of the blocks; torchvision's begins with the stem
  bool nested;        ///< units in lists of their own, as torchvision has them
};

namespace {

constexpr std::array<int, 7> expansions = {1, 6, 6, 6, 6, 6, 6}, strides = {1, 2, 2, 2, 1, 2, 1},
                             stages = {1, 1, 2, 3, 3, 4, 4};
constexpr std::array<int, 7> lite_kernels = {3, 3, 5, 3, 5, 5, 3}, mobile_kernels = {3, 3, 3, 3, 3, 3, 3};
constexpr int stem_channels = 32;

constexpr InvertedResidualPlan lite(const char* name, std::array<int, 7> channels, std::array<int, 7> repeats) {
  return {name, channels, repeats, lite_kernels, 1e-3, 0.01, true, "_blocks", false};
}

constexpr InvertedResidualPlan inverted_residual_plans[] = {
    lite("efficientnet_lite0", {16, 24, 40, 80, 112, 192, 320}, {1, 2, 2, 3, 3, 4, 1}),
    lite("efficientnet_lite1", {16, 24, 40, 80, 112, 192, 320}, {1, 3, 3, 4, 4, 5, 1}),
    lite("efficientnet_lite2", {16, 24, 48, 88, 120, 208, 352}, {1, 3, 3, 4, 4, 5, 1}),
    {"mobilenet_v2",
     {16, 24, 32, 64, 96, 160, 320},
     {1, 2, 3, 4, 3, 3, 1},
     mobile_kernels,
     1e-5,
     0.1,
     false,
     "features",
     true},
};

const InvertedResidualPlan& inverted_residual_plan_of(const std::string& name) {
  for (const auto& plan : inverted_residual_plans) {
    if (name == plan.name) return plan;
  }
  throw Error("backbone.name: unknown backbone '{}'{}", name, suggestion(name, backbone_names()));
}

torch::nn::Conv2dOptions conv_options(int64_t in_channels, int64_t out_channels, int kernel) {
  return torch::nn::Conv2dOptions(in_channels, out_channels, kernel).padding(kernel / 2).bias(false);
}

ConvUnit make_unit(const InvertedResidualPlan& plan, torch::nn::Conv2dOptions options, bool activated = true) {
  if (plan.same_padding && options.stride()->at(0) > 1) options.padding(0);
  ConvUnit unit;
  unit.conv = he_conv(options);
  unit.norm = torch::nn::BatchNorm2d(
      torch::nn::BatchNorm2dOptions(options.out_channels()).eps(plan.norm_eps).momentum(plan.norm_momentum));
  unit.activated = activated;
  return unit;
}

/// TensorFlow's padding of one axis before a convolution: output = ceil(size / stride), the odd pixel at the end.
std::array<int64_t, 2> same_padding(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (outputs - 1) * stride + kernel - size);
  return {total / 2, total - total / 2};
}

torch::nn::ModuleList list_of(const ConvUnit& unit) { return torch::nn::ModuleList(unit.conv, unit.norm); }

}  // namespace

at::Tensor ConvUnit::forward(const at::Tensor& input) {
  const int64_t kernel = conv->options.kernel_size()->at(0), stride = conv->options.stride()->at(0);
  at::Tensor x = input;
  if (stride > 1 && std::get<0>(conv->options.padding())->at(0) == 0) {
    const auto rows = same_padding(x.size(2), kernel, stride), columns = same_padding(x.size(3), kernel, stride);
    x = at::constant_pad_nd(x, {columns[0], columns[1], rows[0], rows[1]});
  }
  x = norm->forward(convolve(*conv, x));
  // Batch norm's backward needs its input only, so its output may be overwritten.
  return activated ? at::hardtanh_(x, 0, 6) : x;
}

InvertedResidualBlock::InvertedResidualBlock(const InvertedResidualPlan& plan, size_t row, int stride,
                                             int64_t in_channels, int64_t out_channels)
    : shortcut_(stride == 1 && in_channels == out_channels) {
  const int64_t width = in_channels * expansions[row];
  if (expansions[row] != 1) units_.push_back(make_unit(plan, conv_options(in_channels, width, 1)));
  units_.push_back(make_unit(plan, conv_options(width, width, plan.kernels[row]).stride(stride).groups(width)));
  units_.push_back(make_unit(plan, conv_options(width, out_channels, 1), /*activated=*/false));
  plan.nested ? register_nested() : register_flat();
}

/// A block without expansion lacks the first pair; the others keep their names.
void InvertedResidualBlock::register_flat() {
  const char* names[] = {"_expand_conv", "_depthwise_conv", "_project_conv"};
  for (size_t i = 0; i < units_.size(); ++i) {
    const size_t place = i + 3 - units_.size();
    register_module(names[place], units_[i].conv);
    register_module("_bn" + std::to_string(place), units_[i].norm);
  }
}

void InvertedResidualBlock::register_nested() {
  torch::nn::ModuleList list;
  for (size_t i = 0; i + 1 < units_.size(); ++i) list->push_back(list_of(units_[i]));
  list->push_back(units_.back().conv);
  list->push_back(units_.back().norm);
  register_module("conv", list);
}

at::Tensor InvertedResidualBlock::forward(const at::Tensor& input) {
  at::Tensor x = input;
  for (auto& unit : units_) x = unit.forward(x);
  return shortcut_ ? x.add_(input) : x;
}

bool InvertedResidualNet::knows(const std::string& name) {
  return std::any_of(std::begin(inverted_residual_plans), std::end(inverted_residual_plans),
                     [&](const auto& plan) { return name == plan.name; });
}

InvertedResidualNet::InvertedResidualNet(const BackboneOptions& options)
    : Backbone(options), plan_(&inverted_residual_plan_of(options.name)) {
  stem_ = make_unit(*plan_, conv_options(3, scaled_channels(stem_channels, options.width), 3).stride(2));
  add_blocks();
  register_all();
  begin_training();
}

void InvertedResidualNet::add_blocks() {
  int64_t channels = stem_.conv->options.out_channels();
  int level = 1;
  for (size_t row = 0; row < stages.size(); ++row) {
    for (int i = 0; i < plan_->repeats[row]; ++i) {
      const int stride = i == 0 ? strides[row] : 1, in_level = level;
      const int64_t out_channels = scaled_channels(plan_->channels[row], options_.width);
      if (stride == 2) ++level;
      blocks_.push_back(std::make_shared<InvertedResidualBlock>(*plan_, row, stride, channels, out_channels));
      places_.push_back({stages[row], in_level, level});
      channels = out_channels;
    }
    if (row + 1 == stages.size() || stages[row + 1] != stages[row]) out_channels_.push_back(channels);
  }
}

void InvertedResidualNet::register_all() {
  torch::nn::ModuleList list;
  if (plan_->nested) {
    list->push_back(list_of(stem_));
  } else {
    register_module("_conv_stem", stem_.conv);
    register_module("_bn0", stem_.norm);
  }
  for (auto& block : blocks_) list->push_back(block);
  register_module(plan_->list, list);
}

std::vector<at::Tensor> InvertedResidualNet::forward(const at::Tensor& images) {
  at::Tensor x = stem_.forward(images);
  std::vector<at::Tensor> outputs;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    x = through(blocks_[i], x);
    if (ends_stage(i)) outputs.push_back(x);
  }
  return outputs;
}

bool InvertedResidualNet::ends_stage(size_t i) const {
  return i + 1 == blocks_.size() || places_[i + 1].stage != places_[i].stage;
}

int InvertedResidualNet::block_of(const std::string& name) const {
  const std::string prefix = std::string(plan_->list) + ".";
  if (!name.starts_with(prefix)) return -1;
  return std::stoi(name.substr(prefix.size())) - (plan_->nested ? 1 : 0);
}

int InvertedResidualNet::stage_of(const std::string& name) const {
  const int block = block_of(name);
  return block < 0 ? 0 : places_[block].stage;
}

int InvertedResidualNet::level_of(const std::string& name) const {
  const int block = block_of(name);
  if (block < 0) return 1;
  const auto& units = blocks_[block]->units();
  const std::string first = plan_->nested ? ".conv.0.0.weight" : "._expand_conv.weight";
  return units.size() == 3 && name.ends_with(first) ? places_[block].in_level : places_[block].out_level;
}

}  // namespace skylift
