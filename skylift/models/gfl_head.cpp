#include "skylift/models/gfl_head.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/container/modulelist.h>

#include <cmath>

#include "skylift/models/convolve.h"
#include "skylift/models/layers.h"

namespace skylift {
namespace {

constexpr double init_deviation = 0.01;
constexpr double init_probability =
    0.01;  // of every class at every point, so that the first steps are not all background loss

/// [B,K,H,W] from the output of convolution `first` (before its ReLU, except that 0 is the tower's input) to the
/// tower's end.
at::Tensor run_tower(const Tower& tower, size_t first, const at::Tensor& input) {
  at::Tensor x = first == 0 ? input : input.relu();
  // Group norm's backward needs its input only, so its output may be overwritten.
  for (size_t i = first; i < tower.size(); ++i) x = tower[i]->forward(x).relu_();
  return x;
}

}  // namespace

TowerConv::TowerConv(int64_t in_channels, int64_t out_channels, int norm_groups) {
  conv_ = register_module("conv", make_conv(in_channels, out_channels, 3));
  norm_ = register_module("norm", make_group_norm(out_channels, norm_groups));
  init_normal(conv_, init_deviation);
}

at::Tensor TowerConv::forward(const at::Tensor& input) {
  // Autocast on a GPU computes group norm in float by itself; on the CPU its backward is several times slower in bf16.
  const at::Tensor x = convolve(*conv_, input);
  return norm_->forward(c10::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x);
}

GflHead::GflHead(const HeadOptions& options, int64_t in_channels, int class_count, int level_count)
    : options_(options) {
  cls_tower_ = add_tower("cls_tower", in_channels);
  reg_tower_ = add_tower("reg_tower", in_channels);
  cls_predictor_ = register_module("cls_predictor", make_conv(options.channels, class_count, 3, 1, /*bias=*/true));
  box_predictor_ =
      register_module("box_predictor", make_conv(options.channels, 4 * (options.reg_max + 1), 3, 1, /*bias=*/true));
  init_normal(cls_predictor_, init_deviation);
  init_normal(box_predictor_, init_deviation);
  torch::nn::init::constant_(cls_predictor_->bias, -std::log((1 - init_probability) / init_probability));
  level_scales_ = register_parameter("level_scales", at::ones({level_count}));
  if (options.lifting.enabled) {
    lifting_ =
        register_module("lifting", std::make_shared<LightMl>(options.channels, options.lifting, options.norm_groups));
  }
}

Tower GflHead::add_tower(const std::string& name, int64_t in_channels) {
  Tower tower;
  torch::nn::ModuleList list;
  for (int i = 0; i < options_.depth; ++i) {
    tower.push_back(
        std::make_shared<TowerConv>(i == 0 ? in_channels : options_.channels, options_.channels, options_.norm_groups));
    list->push_back(tower.back());
  }
  register_module(name, list);
  return tower;
}

std::vector<LevelOutput> GflHead::forward(const std::vector<at::Tensor>& pyramid) {
  std::vector<LevelOutput> levels;
  for (size_t level = 0; level < pyramid.size(); ++level) {
    levels.push_back(predict_from(level, 0, {pyramid[level], pyramid[level]}));
    levels.back().feature = pyramid[level];
  }
  return levels;
}

LevelOutput GflHead::predict_from(size_t level, size_t conv, const TowerPair& features) {
  TowerPair towers = {run_tower(cls_tower_, conv, features.cls), run_tower(reg_tower_, conv, features.reg)};
  LevelOutput out;
  if (lifting_ && !options_.lifting.training_only) towers = lifting_->forward(towers);
  predict(level, towers, out.cls_logits, out.box_logits);
  if (lifting_ && options_.lifting.training_only && is_training()) {
    predict(level, lifting_->forward(towers), out.lifted_cls_logits, out.lifted_box_logits);
  }
  return out;
}

void GflHead::predict(size_t level, const TowerPair& features, at::Tensor& cls_logits, at::Tensor& box_logits) {
  cls_logits = convolve(*cls_predictor_, features.cls);
  const at::Tensor sides = convolve(*box_predictor_, features.reg);
  box_logits = (sides * level_scales_[static_cast<int64_t>(level)]).to(at::kFloat);
}

}  // namespace skylift
