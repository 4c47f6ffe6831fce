#include "skylift/models/lifting.h"

#include <ATen/Functions.h>
#include <torch/nn/modules/activation.h>

#include "skylift/models/layers.h"
#include "skylift/models/lifting_linear.h"

namespace skylift {
namespace {

/// Folding multiplies the rounding errors by at most this. Trained modules have 1 to 2.
constexpr double largest_condition = 100;

/// [K,K/groups,1,1] -> [K,K], zero between groups.
at::Tensor dense_matrix(const at::Tensor& light) {
  const int64_t channels = light.size(0), per_group = light.size(1), groups = channels / per_group;
  at::Tensor matrix = at::zeros({channels, channels}, light.options());
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * per_group;
    matrix.narrow(0, first, per_group).narrow(1, first, per_group).copy_(light.narrow(0, first, per_group).flatten(1));
  }
  return matrix;
}

at::Tensor weight_of(const LightConv& conv) { return *conv.named_parameters(/*recurse=*/false).find("weight"); }

/// Nothing but a dense 1x1 convolution.
bool is_matrix(const LightConv& conv) {
  const at::Tensor weight = weight_of(conv);
  return conv.children().empty() && weight.size(0) == weight.size(1) && weight.size(2) == 1;
}

}  // namespace

std::array<at::Tensor, 2> shuffled_halves(const TowerPair& towers) {
  const int64_t channels = towers.cls.size(1);
  at::Tensor shuffled;
  if (towers.cls.suggest_memory_format() == at::MemoryFormat::ChannelsLast) {
    const auto last = [](const at::Tensor& map) { return map.permute({0, 2, 3, 1}); };
    shuffled = at::stack({last(towers.cls), last(towers.reg)}, 4).flatten(3).permute({0, 3, 1, 2});
  } else {
    shuffled = at::stack({towers.cls, towers.reg}, 2).flatten(1, 2);
  }
  return {shuffled.narrow(1, 0, channels), shuffled.narrow(1, channels, channels)};
}

LightConv::LightConv(int64_t channels, const LiftingOptions& options, int norm_groups)
    : padding_(options.kernel / 2),
      groups_(options.groups == 0 ? channels : options.groups),
      relu_(options.activation == "relu") {
  // Not torch::nn::Conv2d, whose constructor draws random numbers.
  weight_ = register_parameter("weight", at::zeros({channels, channels / groups_, options.kernel, options.kernel}));
  if (options.norm == "gn") norm_ = register_module("norm", make_group_norm(channels, norm_groups));
  if (relu_) register_module("relu", torch::nn::ReLU());  // nothing to train: it tells that this is no plain product
}

at::Tensor LightConv::forward(const at::Tensor& half) {
  at::Tensor x = norm_.is_empty() ? half : norm_->forward(half);
  if (relu_) x = x.relu();
  return at::conv2d(x, weight_, {}, 1, padding_, 1, groups_);
}

LightMl::LightMl(int64_t channels, const LiftingOptions& options, int norm_groups) : folded_(options.folded) {
  cls_ = register_module("cls", std::make_shared<LightConv>(channels, options, norm_groups));
  reg_ = register_module("reg", std::make_shared<LightConv>(channels, options, norm_groups));
}

TowerPair LightMl::forward(const TowerPair& towers) {
  if (folded_) return {towers.cls + cls_->forward(towers.reg), towers.reg + reg_->forward(towers.cls)};
  if (towers.cls.suggest_memory_format() == at::MemoryFormat::ChannelsLast && is_matrix(*cls_))
    return lift_channels_last(towers, weight_of(*cls_), weight_of(*reg_));
  const auto halves = shuffled_halves(towers);
  return {towers.cls + cls_->forward(halves[0]), towers.reg + reg_->forward(halves[1])};
}

std::optional<FoldedBranch> folded_branch(const at::Tensor& predictor, const at::Tensor& light, Branch branch) {
  const int64_t channels = predictor.size(1);
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kDouble); };
  const at::Tensor matrix = dense_matrix(wide(light));
  at::Tensor own = at::eye(channels, matrix.options()), other = at::zeros_like(own);  // I + A, B
  for (int64_t j = 0; j < channels; ++j) {
    const int64_t shuffled = branch == Branch::cls ? j : channels + j;
    const bool is_own = (shuffled % 2 == 0) == (branch == Branch::cls);
    (is_own ? own : other).select(1, shuffled / 2).add_(matrix.select(1, j));
  }
  if (!own.isfinite().all().item<bool>() || at::linalg_cond(own).item<double>() > largest_condition)
    return std::nullopt;
  const at::Tensor through = at::matmul(wide(predictor).permute({0, 2, 3, 1}), own).permute({0, 3, 1, 2});
  return FoldedBranch{through.contiguous().to(predictor.options()),
                      at::linalg_solve(own, other).view({channels, channels, 1, 1}).to(light.options())};
}

std::optional<std::string> unfoldable_reason(const LiftingOptions& options) {
  if (options.norm != "none") return "it has a norm";
  if (options.activation != "none") return "it has an activation";
  // Two 3x3 convolutions are not one 5x5: at the image's border the padding of the second hides outputs of the first.
  if (options.kernel != 1) return "its convolutions are 3x3, which differ from one convolution at the border";
  return std::nullopt;
}

}  // namespace skylift
