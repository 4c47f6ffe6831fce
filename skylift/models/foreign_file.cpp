#include "skylift/models/foreign_file.h"

#include <algorithm>

namespace skylift {
namespace {

ForeignFile read_checkpoint(const std::filesystem::path& path, const std::string& key) {
  const PytorchFile file(path);
  ForeignFile foreign{.path = path};
  foreign.metadata = read_metadata(file);
  foreign.state = read_state_dict(file, key);
  for (const auto& [name, view] : foreign.state.tensors) {
    const std::string bytes = view.row_major();
    foreign.tensors.push_back({name, to_tensor({name, view.dtype, view.shape, bytes})});
  }
  foreign.state.tensors.clear();  // they point into the file
  return foreign;
}

}  // namespace

const at::Tensor* ForeignFile::find(const std::string& name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& named) { return named.name == name; });
  return found == tensors.end() ? nullptr : &found->tensor;
}

ForeignFile read_foreign(const std::filesystem::path& path, const std::string& key) {
  if (looks_like_pytorch(path)) return read_checkpoint(path, key);
  TensorFile file = read_tensors(path);
  return {.path = path, .tensors = std::move(file.tensors), .texts = std::move(file.metadata)};
}

}  // namespace skylift
