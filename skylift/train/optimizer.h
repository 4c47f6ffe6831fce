// libtorch's SGD and AdamW behind the two things the loop needs besides step(): a learning rate for all groups, and a
// state that can be written to and read from a tensor file.
#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skylift/train/train_options.h"

namespace skylift {

/// A parameter with its full name, e.g. "backbone.layer1.0.conv1.weight".
using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

class ScheduledOptimizer {
 public:
  /// Parameters that need no gradient are left out; those whose name begins with "backbone." form the group with its
  /// own factor.
  ScheduledOptimizer(const OptimizerOptions& options, const NamedParameters& parameters, int64_t images_a_step);

  /// The rates of this step: factor * lr * images_a_step / 16, times the backbone's factor in its group.
  void set_factor(double factor);
  double lr() const { return lr_; }

  /// Clips all gradients together (options.clip_norm), updates, clears the gradients. Returns the norm before clipping.
  /// Error: it is not finite; then nothing is updated.
  double step();

  /// Momentum or moment tensors under "optimizer.<name>.<field>"; restoring gives the same next step bit for bit.
  NamedParameters state() const;
  void load_state(const NamedParameters& state);

 private:
  OptimizerOptions options_;
  double base_lr_;
  double lr_ = 0;
  NamedParameters parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace skylift
