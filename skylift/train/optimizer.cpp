#include "skylift/train/optimizer.h"

#include <ATen/ATen.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <map>

#include "skylift/core/error.h"
#include "skylift/train/step.h"

namespace skylift {
namespace {

bool in_backbone(const std::string& name) { return name.rfind("backbone.", 0) == 0; }

std::vector<at::Tensor> tensors_of(const NamedParameters& parameters, bool backbone) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters) {
    if (in_backbone(name) == backbone) tensors.push_back(tensor);
  }
  return tensors;
}

at::Tensor laid_out_like(const at::Tensor& parameter, const at::Tensor& values) {
  return values.strides() == parameter.strides() ? values : at::empty_like(parameter).copy_(values);
}

/// libtorch's AdamW by its fused kernel, which its C++ class does not use: one pass over a parameter instead of a dozen.
class FusedAdamW final : public torch::optim::AdamW {
 public:
  using AdamW::AdamW;

  at::Tensor step(LossClosure /*closure*/ = nullptr) override {
    const at::NoGradGuard no_grad;
    for (auto& group : param_groups()) step(group);
    return {};
  }

 private:
  void step(torch::optim::OptimizerParamGroup& group) {
    std::vector<at::Tensor> parameters, gradients, means, squares, steps;
    std::map<int64_t, at::Tensor> counts;  // one on the device for all that have taken as many steps: it is only read
    for (at::Tensor& parameter : group.params()) {
      if (!parameter.grad().defined()) continue;
      auto& state = state_of(parameter);
      state.step(state.step() + 1);
      parameters.push_back(parameter);
      gradients.push_back(laid_out_like(parameter, parameter.grad()));
      means.push_back(state.exp_avg());
      squares.push_back(state.exp_avg_sq());
      at::Tensor& count = counts[state.step()];
      if (!count.defined())
        count = at::scalar_tensor(state.step(), parameter.options().dtype(at::kFloat).requires_grad(false));
      steps.push_back(count);
    }
    if (parameters.empty()) return;
    const auto& options = static_cast<const torch::optim::AdamWOptions&>(group.options());
    const auto [beta1, beta2] = options.betas();
    at::_fused_adamw_(parameters, gradients, means, squares, {}, steps, options.lr(), beta1, beta2,
                      options.weight_decay(), options.eps(), /*amsgrad=*/false, /*maximize=*/false);
  }

  torch::optim::AdamWParamState& state_of(const at::Tensor& parameter) {
    auto& state = state_[parameter.unsafeGetTensorImpl()];
    if (!state) {
      auto fresh = std::make_unique<torch::optim::AdamWParamState>();
      fresh->step(0);
      fresh->exp_avg(at::zeros_like(parameter));
      fresh->exp_avg_sq(at::zeros_like(parameter));
      state = std::move(fresh);
    }
    return static_cast<torch::optim::AdamWParamState&>(*state);
  }
};

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerOptions& options,
                                                        const NamedParameters& parameters) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (bool backbone : {true, false}) groups.emplace_back(tensors_of(parameters, backbone));
  if (options.name == "adamw") {
    return std::make_unique<FusedAdamW>(groups, torch::optim::AdamWOptions(1.0).weight_decay(options.weight_decay));
  }
  return std::make_unique<torch::optim::SGD>(
      groups, torch::optim::SGDOptions(1.0).momentum(options.momentum).weight_decay(options.weight_decay));
}

}  // namespace

ScheduledOptimizer::ScheduledOptimizer(const OptimizerOptions& options, const NamedParameters& parameters,
                                       int64_t images_a_step)
    : options_(options), base_lr_(options.lr * static_cast<double>(images_a_step) / 16.0) {
  for (const auto& [name, tensor] : parameters) {
    if (tensor.requires_grad()) parameters_.emplace_back(name, tensor);
  }
  optimizer_ = make_optimizer(options, parameters_);
}

void ScheduledOptimizer::set_factor(double factor) {
  lr_ = base_lr_ * factor;
  auto& groups = optimizer_->param_groups();
  groups[0].options().set_lr(lr_ * options_.backbone_lr_factor);
  groups[1].options().set_lr(lr_);
}

double ScheduledOptimizer::step() {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters_) tensors.push_back(tensor);
  const double limit = options_.clip_norm > 0 ? options_.clip_norm : std::numeric_limits<double>::infinity();
  const double norm = torch::nn::utils::clip_grad_norm_(tensors, limit);
  if (!std::isfinite(norm)) {
    throw Diverged(
        "training: the norm of the gradients is {}, expected a finite number, so the step was not taken (hint: a new "
        "run with a lower learning rate or a longer warm-up; --resume goes on from the last state)",
        norm);
  }
  optimizer_->step();
  optimizer_->zero_grad();
  return norm;
}

NamedParameters ScheduledOptimizer::state() const {
  NamedParameters state;
  const auto& states = optimizer_->state();
  for (const auto& [name, tensor] : parameters_) {
    const auto found = states.find(tensor.unsafeGetTensorImpl());
    if (found == states.end()) continue;
    const std::string prefix = "optimizer." + name + ".";
    if (const auto* sgd = dynamic_cast<const torch::optim::SGDParamState*>(found->second.get())) {
      if (sgd->momentum_buffer().defined()) state.emplace_back(prefix + "momentum", sgd->momentum_buffer());
    } else if (const auto* adam = dynamic_cast<const torch::optim::AdamWParamState*>(found->second.get())) {
      state.emplace_back(prefix + "step", at::scalar_tensor(adam->step(), at::kLong));
      state.emplace_back(prefix + "mean", adam->exp_avg());
      state.emplace_back(prefix + "square", adam->exp_avg_sq());
    }
  }
  return state;
}

void ScheduledOptimizer::load_state(const NamedParameters& state) {
  std::map<std::string, at::Tensor> by_name(state.begin(), state.end());
  auto& states = optimizer_->state();
  for (const auto& [name, tensor] : parameters_) {
    const std::string prefix = "optimizer." + name + ".";
    const auto stored = [&](const char* field) {
      const auto found = by_name.find(prefix + field);
      if (found == by_name.end()) return at::Tensor();
      if (found->second.dim() > 0 && found->second.sizes() != tensor.sizes()) {
        throw Error("resume state: '{}{}' has another shape than the model's parameter", prefix, field);
      }
      const at::Tensor values = found->second.to(tensor.device());
      return values.dim() > 0 ? laid_out_like(tensor, values).clone() : values.clone();
    };
    if (options_.name == "adamw") {
      if (!stored("step").defined()) continue;
      auto adam = std::make_unique<torch::optim::AdamWParamState>();
      adam->step(stored("step").item<int64_t>());
      adam->exp_avg(stored("mean"));
      adam->exp_avg_sq(stored("square"));
      states[tensor.unsafeGetTensorImpl()] = std::move(adam);
    } else if (stored("momentum").defined()) {
      auto sgd = std::make_unique<torch::optim::SGDParamState>();
      sgd->momentum_buffer(stored("momentum"));
      states[tensor.unsafeGetTensorImpl()] = std::move(sgd);
    }
  }
}

}  // namespace skylift
