// All that is needed to go on with an interrupted run exactly: one tensor file, replaced as a whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "skylift/models/tensor_file.h"

namespace skylift {

struct Checkpoint {
  int64_t step = 0;                  ///< optimizer steps done
  double best_ap = -1;               ///< of the evaluations so far
  std::string config;                ///< the run's config.toml
  std::vector<NamedTensor> tensors;  ///< "student.*", "ema.*", "distiller.*", "optimizer.*", "random.cpu"
};

/// Writes FOLDER/resume/state.safetensors.
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// Error: none there (hint: run without --resume), or damaged.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// The tensors whose names begin with `prefix`, without it.
std::vector<NamedTensor> with_prefix(const std::vector<NamedTensor>& tensors, const std::string& prefix);

/// Adds tensors under a prefix.
void append_prefixed(std::vector<NamedTensor>& into, const std::string& prefix,
                     const std::vector<NamedTensor>& tensors);

}  // namespace skylift
