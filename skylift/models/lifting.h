// Light-ML, the task-wise mutual lifting of Du et al. 2024 (arXiv 2411.02861), reconstructed from the paper's abstract;
// no code of the authors is public. It mixes the last features of the two towers before the predictors read them, so
// that in the backward pass a teacher's classification reaches the box tower and the reverse:
//   concatenate, shuffle channels in two groups, halve, one light convolution K -> K a half, add to the tower's own
//   feature.
// Ours: the convolutions have no bias and start at 0 (a lifted student starts exactly as the plain one, and draws the
// same random numbers); norm and activation, if any, stand before the convolution (after it, a ReLU would never let a
// zero start move).
#pragma once

#include <torch/nn/modules/normalization.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "skylift/models/model_options.h"

namespace skylift {

/// What both towers know at one place. Shapes [B,K,H,W].
struct TowerPair {
  at::Tensor cls;
  at::Tensor reg;
};

/// The two halves of the shuffled channels: channel 2i of their concatenation is cls_i, channel 2i+1 is reg_i.
std::array<at::Tensor, 2> shuffled_halves(const TowerPair& towers);

class LightConv : public torch::nn::Module {
 public:
  LightConv(int64_t channels, const LiftingOptions& options, int norm_groups);
  at::Tensor forward(const at::Tensor& half);

 private:
  int padding_;
  int64_t groups_;
  bool relu_;
  at::Tensor weight_;  ///< [K,K/groups,k,k]
  torch::nn::GroupNorm norm_{nullptr};
};

/// Parameters "cls.weight" and "reg.weight".
class LightMl : public torch::nn::Module {
 public:
  LightMl(int64_t channels, const LiftingOptions& options, int norm_groups);
  TowerPair forward(const TowerPair& towers);

 private:
  std::shared_ptr<LightConv> cls_, reg_;
};

// Folding: predictor * (F + light * half) is one convolution over F and the half of the other tower's channels that its
// own half of the shuffle holds. So a folded predictor reads K + K/2 channels.

enum class Branch { cls, reg };

/// The input of a folded predictor, [B,K+K/2,H,W].
at::Tensor folded_input(const TowerPair& towers, Branch branch);

/// Channels of folded_input.
int64_t folded_channels(int64_t channels);

/// predictor [O,K,k,k] and light [K,K/groups,1,1] -> [O,K+K/2,k,k].
at::Tensor folded_weight(const at::Tensor& predictor, const at::Tensor& light, Branch branch);

/// Why a module with these options cannot be folded, or nothing where it can.
std::optional<std::string> unfoldable_reason(const LiftingOptions& options);

}  // namespace skylift
