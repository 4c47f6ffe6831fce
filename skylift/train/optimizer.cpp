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

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerOptions& options,
                                                        const NamedParameters& parameters) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (bool backbone : {true, false}) groups.emplace_back(tensors_of(parameters, backbone));
  if (options.name == "adamw") {
    return std::make_unique<torch::optim::AdamW>(groups,
                                                 torch::optim::AdamWOptions(1.0).weight_decay(options.weight_decay));
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
      return found->second.to(tensor.device()).clone();
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
