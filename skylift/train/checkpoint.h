// All that is needed to go on with an interrupted run exactly: one tensor file with a checksum of its content, replaced
// as a whole, and the one before it for when the newest is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "skylift/models/tensor_file.h"

namespace skylift {

struct Checkpoint {
  int64_t step = 0;                  ///< optimizer steps done
  int64_t scored_step = 0;           ///< of the last evaluation; that of `step` may be still to do
  double best_ap = -1;               ///< of the evaluations so far
  double seconds = 0;                ///< all steps so far took so long
  TextMap identity;                  ///< what the run is (resume_state.h)
  std::vector<NamedTensor> tensors;  ///< "student.*", "ema.*", "distiller.*", "optimizer.*", "random.*"
};

/// The folder of a run's states: what a process locks that trains in `folder`.
std::filesystem::path state_folder(const std::filesystem::path& folder);

/// Whether a run in `folder` can be gone on with.
bool has_checkpoint(const std::filesystem::path& folder);

/// For a run that begins anew where another one was begun.
void remove_checkpoints(const std::filesystem::path& folder);

/// Writes FOLDER/resume/state.safetensors; what had that name becomes previous.safetensors. Error: the disk is full, or
/// a number that is not finite: then the states are left as they were.
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// The newest state that is whole; says so where that is the one before the last, which then takes its place. Error:
/// none there (hint: run without --resume), or all damaged.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// The tensors whose names begin with `prefix`, without it.
std::vector<NamedTensor> with_prefix(const std::vector<NamedTensor>& tensors, const std::string& prefix);

/// Adds tensors under a prefix.
void append_prefixed(std::vector<NamedTensor>& into, const std::string& prefix,
                     const std::vector<NamedTensor>& tensors);

}  // namespace skylift
