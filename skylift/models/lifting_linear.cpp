#include "skylift/models/lifting_linear.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace skylift {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Channels [first, end).
at::Tensor part(const at::Tensor& rows, int64_t first, int64_t end) { return rows.slice(1, first, end); }

/// On rows [N,K] of both towers: each half of the shuffle holds some channels of cls, then some of reg, in their order;
/// `split` of cls are in the first half. Weights [K,K] with their columns in that order.
class Lift : public torch::autograd::Function<Lift> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& cls, const at::Tensor& reg,
                               const at::Tensor& cls_weight, const at::Tensor& reg_weight, int64_t split) {
    const int64_t channels = cls.size(1);
    const at::Tensor first = at::cat({part(cls, 0, split), part(reg, 0, channels - split)}, 1);
    const at::Tensor second = at::cat({part(cls, split, channels), part(reg, channels - split, channels)}, 1);
    context->save_for_backward({first, second, cls_weight, reg_weight});
    context->saved_data["split"] = split;
    return {at::addmm(cls, first, cls_weight.t()), at::addmm(reg, second, reg_weight.t())};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const int64_t split = context->saved_data["split"].toInt(), channels = saved[0].size(1);
    const at::Tensor &of_cls = gradients[0], &of_reg = gradients[1];
    const at::Tensor first = at::mm(of_cls, saved[2]), second = at::mm(of_reg, saved[3]);
    // What a tower gets: its channels of both halves' gradients, beside its own.
    const at::Tensor cls = at::cat({part(first, 0, split), part(second, 0, channels - split)}, 1).add_(of_cls);
    const at::Tensor reg =
        at::cat({part(first, split, channels), part(second, channels - split, channels)}, 1).add_(of_reg);
    return {cls, reg, at::mm(of_cls.t(), saved[0]), at::mm(of_reg.t(), saved[1]), at::Tensor()};
  }
};

/// Columns of a half's weight: those of cls channels (even in the shuffle), then those of reg. `begin`: the half's
/// first place in the shuffle.
at::Tensor column_order(int64_t channels, int64_t begin, c10::Device device) {
  const at::Tensor place = at::arange(channels, at::TensorOptions(at::kLong).device(device));
  const at::Tensor of_reg = (place + begin).remainder(2);
  return at::argsort(of_reg, /*stable=*/true, 0, /*descending=*/false);
}

at::ScalarType compute_type(const at::Tensor& tensor) {
  const c10::DeviceType device = tensor.device().type();
  return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : tensor.scalar_type();
}

}  // namespace

TowerPair lift_channels_last(const TowerPair& towers, const at::Tensor& cls_weight, const at::Tensor& reg_weight) {
  const int64_t images = towers.cls.size(0), channels = towers.cls.size(1), height = towers.cls.size(2),
                width = towers.cls.size(3);
  const at::ScalarType type = compute_type(towers.cls);
  const auto rows = [&](const at::Tensor& map) {
    return map.to(type).permute({0, 2, 3, 1}).reshape({images * height * width, channels});
  };
  const auto map = [&](const at::Tensor& flat) {
    return flat.view({images, height, width, channels}).permute({0, 3, 1, 2});
  };
  const auto columns = [&](const at::Tensor& weight, int64_t begin) {
    return weight.flatten(1).index_select(1, column_order(channels, begin, weight.device())).to(type);
  };
  const variable_list lifted = Lift::apply(rows(towers.cls), rows(towers.reg), columns(cls_weight, 0),
                                           columns(reg_weight, channels), (channels + 1) / 2);
  return {map(lifted[0]), map(lifted[1])};
}

}  // namespace skylift
