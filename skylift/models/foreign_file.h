// A file of weights whoever wrote it: safetensors, or a PyTorch checkpoint in either of its formats.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/formats/checkpoint.h"
#include "skylift/models/tensor_file.h"

namespace skylift {

struct ForeignFile {
  std::filesystem::path path;
  std::vector<NamedTensor> tensors = {};  ///< in the file's order, on the CPU, owning their memory
  TextMap texts = {};                     ///< metadata of a safetensors file
  CheckpointMetadata metadata = {};       ///< of a PyTorch checkpoint
  StateDict state = {};                   ///< where in a PyTorch checkpoint they were; without its tensors

  const at::Tensor* find(const std::string& name) const;
};

/// `key`: which of a checkpoint's state dicts, see read_state_dict. Error: as SafetensorsFile, PytorchFile and
/// read_state_dict.
ForeignFile read_foreign(const std::filesystem::path& path, const std::string& key = "");

/// What became of the tensors of a foreign file.
struct ImportReport {
  struct Renamed {
    std::string from, to;
  };
  struct PassedOver {
    std::string name, reason;
  };
  std::vector<Renamed> matched;
  std::vector<PassedOver> passed_over;
  std::vector<std::string> absent;  ///< of the network's tensors; the file has none for them
  std::vector<std::string> notes;   ///< what was changed or assumed
};

}  // namespace skylift
