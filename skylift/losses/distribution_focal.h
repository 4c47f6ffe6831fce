// Distribution focal loss (Li et al. 2020, eq. 6): cross entropy towards the two bins around a distance.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace skylift {

/// Logits [N,R+1] over bins 0..R and distances [N] in strides -> [N]. A distance outside 0..R is clamped to 0..R - 0.1.
at::Tensor distribution_focal_loss(const at::Tensor& logits, const at::Tensor& distances);

}  // namespace skylift
