// Scores and boxes of somebody else's detector as the maps that distillation reads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "skylift/models/dense_output.h"

namespace skylift {

/// What a detector says at every cell, decoded. Levels finest first.
struct DecodedMaps {
  std::vector<int> strides;            ///< px
  std::vector<at::Tensor> scores;      ///< [B,C,H,W] probabilities
  std::vector<at::Tensor> boxes;       ///< [B,4,H,W] corners x1, y1, x2, y2, px
  std::vector<at::Tensor> known = {};  ///< [B,1,H,W] 1 where there is a box, else 0; empty: everywhere
};

/// The same as logits and as distributions over bins 0..reg_max whose expectation is the distance of each side: all of
/// a distance on its two neighbouring bins. Probabilities outside 1e-4 .. 1 - 1e-4 are brought there, distances into
/// 0 .. reg_max strides. Cells are those of the same row and column, maps are cut or filled up (score 0) to
/// ceil(height / stride) x ceil(width / stride): half a cell between two tools' grids is in the boxes, not in the cells.
DenseOutput dense_output(const DecodedMaps& maps, int64_t height, int64_t width, int reg_max);

/// Scores and boxes that an output stands for.
DecodedMaps decoded(const DenseOutput& output);

/// [1,2,H,W] px: x and y of each cell's point, `shift` strides from the cell's corner.
at::Tensor cell_points(int64_t height, int64_t width, int stride, double shift, const at::TensorOptions& options);

/// [...] distances in strides -> [...,R+1] log-probabilities, see dense_output.
at::Tensor two_bins(const at::Tensor& distances, int reg_max);

}  // namespace skylift
