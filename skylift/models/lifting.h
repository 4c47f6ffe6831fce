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

/// Parameters "cls.weight" and "reg.weight". Folded, without the shuffle: each convolution reads the other tower.
class LightMl : public torch::nn::Module {
 public:
  LightMl(int64_t channels, const LiftingOptions& options, int norm_groups);
  TowerPair forward(const TowerPair& towers);

 private:
  bool folded_;
  std::shared_ptr<LightConv> cls_, reg_;
};

enum class Branch { cls, reg };

/// What saving makes of a branch with a linear 1x1 module. Where A holds the light convolution's columns for the
/// tower's own channels F and B those for the other tower's G,
///   F + light * half = (I + A) F + B G = (I + A) (F + C G),   C = (I + A)^-1 B:
/// I + A goes into the predictor, and C stays. B could go there too, so that no layer stays, but a 3x3 predictor that
/// reads K/2 more channels costs more than C up to K = 175 (10 classes, 17 bins a side).
struct FoldedBranch {
  at::Tensor predictor;  ///< [O,K,k,k]
  at::Tensor light;      ///< C, [K,K,1,1]
};

/// predictor [O,K,k,k], light [K,K/groups,1,1]. Computed in double. Nothing where I + A is not finite or too near to a
/// singular matrix.
std::optional<FoldedBranch> folded_branch(const at::Tensor& predictor, const at::Tensor& light, Branch branch);

/// Why a module with these options cannot be folded, or nothing where it can.
std::optional<std::string> unfoldable_reason(const LiftingOptions& options);

}  // namespace skylift
