// What every backbone is to a detector: an image goes in, C2..C5 come out. Freezing and the mode of the batch norms are
// the same for all of them and live here; a backbone says which stage each of its parameters belongs to.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/models/model_options.h"
#include "skylift/models/recompute.h"

namespace skylift {

class Backbone : public torch::nn::Module {
 public:
  /// images [B,3,H,W] -> C2..C5 with strides 4, 8, 16, 32. Sizes round up.
  virtual std::vector<at::Tensor> forward(const at::Tensor& images) = 0;

  /// Of a parameter or buffer by its name: 0 the stem, 1..4 the stages that end in C2..C5.
  virtual int stage_of(const std::string& name) const = 0;

  /// Of a convolution's weight by its name: its output has stride 2^level.
  virtual int level_of(const std::string& name) const = 0;

  const BackboneOptions& options() const { return options_; }

  /// Channels of C2..C5.
  const std::vector<int64_t>& out_channels() const { return out_channels_; }

  /// Frozen stages stay in eval mode, and all batch norms with norm_eval.
  void train(bool on = true) override;

  /// Of each block's activations only its input is kept for the backward pass (recompute.h).
  void recompute(bool on) { recompute_ = on; }

 protected:
  explicit Backbone(const BackboneOptions& options) : options_(options) {}

  /// For the end of a constructor: frozen stages lose their gradients, and the mode becomes that of training.
  void begin_training();

  template <class Block>
  at::Tensor through(const std::shared_ptr<Block>& block, const at::Tensor& input) const {
    if (!recompute_) return block->forward(input);
    return recomputed(
        *block, [block](const at::Tensor& x) { return block->forward(x); }, input);
  }

  BackboneOptions options_;
  std::vector<int64_t> out_channels_;

 private:
  bool recompute_ = false;
};

/// Error: an unknown name (prints the nearest, or the list).
std::shared_ptr<Backbone> make_backbone(const BackboneOptions& options);

}  // namespace skylift
