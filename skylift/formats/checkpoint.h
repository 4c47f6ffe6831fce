// The network's tensors in a PyTorch checkpoint, wherever training tools put them, and what the file says beside them.
#pragma once

#include <string>
#include <vector>

#include "skylift/formats/pytorch.h"

namespace skylift {

struct CheckpointTensor {
  std::string name;
  StridedView view;
};

struct StateDict {
  std::string key;                  ///< "state_dict", "ema.module"; empty: the file is the state dict
  std::vector<std::string> others;  ///< further state dicts in the file that were not taken
  std::string prefix;               ///< that all names had and that was taken away, "module."
  std::vector<CheckpointTensor> tensors;
  std::vector<std::string> skipped;  ///< entries that are no tensors
};

/// `key`: which of several state dicts, or of several networks in one ("teacher"); empty: averaged weights before
/// others, except mmengine's "ema_state_dict", which holds the weights that are not averaged. Where none of the usual
/// keys is there, the whole file is one state dict. Nested dicts give names with dots. Error: none in the file, a name
/// that stands twice, views that together would take much more memory than the file.
StateDict read_state_dict(const PytorchFile& file, const std::string& key = "");

struct CheckpointMetadata {
  std::vector<std::string> classes;  ///< empty: the file does not say
  std::string config;                ///< mmcv's or mmengine's config as text; empty: none
};

CheckpointMetadata read_metadata(const PytorchFile& file);

}  // namespace skylift
