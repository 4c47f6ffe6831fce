// The outputs of another tool's detector as maps of each level, still undecoded.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skylift/models/tensor_file.h"

namespace skylift {

struct ForeignLayout;

/// Whether an output's name holds one of the parts.
bool named_like(const std::string& name, std::initializer_list<const char*> parts);

/// Cells of all levels together.
int64_t cell_count(int64_t height, int64_t width, const std::vector<int>& strides);

struct ForeignLevel {
  at::Tensor cls;         ///< [B,C,H,W]
  at::Tensor box;         ///< [B,4 or 4(R+1),H,W]
  at::Tensor objectness;  ///< [B,1,H,W], or undefined
};

/// The outputs that share a level's size, in their order: [B,K,H,W] each, at the strides. Nothing: they are not such.
std::optional<std::vector<std::vector<NamedTensor>>> outputs_by_level(const std::vector<NamedTensor>& outputs,
                                                                      int64_t height, int64_t width,
                                                                      const std::vector<int>& strides);

/// [B,K,N] or [B,N,K], whichever has N rows: [B,N,K].
at::Tensor as_rows(const at::Tensor& output, int64_t rows);

/// Of a layout "rows" or "levels". Error, beginning with `name`: the outputs have other shapes than the layout says.
std::vector<ForeignLevel> foreign_levels(const std::vector<NamedTensor>& outputs, const ForeignLayout& layout,
                                         int64_t height, int64_t width, const std::string& name);

}  // namespace skylift
