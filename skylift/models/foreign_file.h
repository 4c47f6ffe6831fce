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
  StateDict state = {};                   ///< where in the file they were; without its tensors
  std::vector<std::string> beside = {};   ///< tensors that enter_network left
  bool timm = false;                      ///< the names were timm's (rename_from_timm)

  const at::Tensor* find(const std::string& name) const;
};

/// `key`: which of a checkpoint's state dicts or networks, see read_state_dict. Error: as expect_kind, SafetensorsFile,
/// PytorchFile and read_state_dict.
ForeignFile read_foreign(const std::filesystem::path& path, const std::string& key = "");

/// Keeps the tensors below one of `prefixes`, where networks of the wanted kind begin, and takes it off their names;
/// none: the file stays as it is. Of a teacher and another the other is taken. Error: several are left.
void enter_network(ForeignFile& file, std::vector<std::string> prefixes);

/// What stands before `end` in the tensors' names that end in it: "", "student.", ...
std::vector<std::string> prefixes_of(const std::vector<NamedTensor>& tensors, std::string_view end);

/// Error, beginning with `where`: the tensor holds a number that is not finite.
void check_finite(const NamedTensor& named, const std::string& where);

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
