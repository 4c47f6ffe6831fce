#include "skylift/models/foreign_file.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/formats/file_kind.h"

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
  const FileKind kind =
      expect_kind(path, {FileKind::pytorch, FileKind::safetensors}, "a PyTorch checkpoint or a safetensors file");
  if (kind != FileKind::safetensors) return read_checkpoint(path, key);
  TensorFile file = read_tensors(path);
  ForeignFile foreign{.path = path, .tensors = std::move(file.tensors), .texts = std::move(file.metadata)};
  if (key.empty()) return foreign;
  const std::string prefix = key + ".";
  if (std::none_of(foreign.tensors.begin(), foreign.tensors.end(),
                   [&](const auto& named) { return named.name.starts_with(prefix); }))
    throw Error("{}: no tensor whose name begins with '{}'", path.string(), prefix);
  enter_network(foreign, {prefix});
  return foreign;
}

std::vector<std::string> prefixes_of(const std::vector<NamedTensor>& tensors, std::string_view end) {
  std::vector<std::string> prefixes;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(end)) continue;
    std::string prefix = name.substr(0, name.size() - end.size());
    if (prefix.empty() || prefix.ends_with('.')) prefixes.push_back(std::move(prefix));
  }
  return prefixes;
}

void enter_network(ForeignFile& file, std::vector<std::string> prefixes) {
  const auto teachers = std::stable_partition(
      prefixes.begin(), prefixes.end(), [](const auto& prefix) { return prefix.find("teacher") == std::string::npos; });
  if (teachers != prefixes.begin()) prefixes.erase(teachers, prefixes.end());
  if (prefixes.size() > 1) {
    throw Error("{}: holds {} networks, under {}, expected one (hint: skylift import --key chooses, e.g. --key {})",
                file.path.string(), prefixes.size(), fmt::join(prefixes, ", "),
                prefixes.back().substr(0, prefixes.back().size() - 1));
  }
  if (prefixes.empty() || prefixes[0].empty()) return;
  const std::string& prefix = prefixes[0];
  std::vector<NamedTensor> kept;
  for (auto& named : file.tensors) {
    if (named.name.starts_with(prefix)) {
      kept.push_back({named.name.substr(prefix.size()), std::move(named.tensor)});
    } else {
      file.beside.push_back(std::move(named.name));
    }
  }
  file.tensors = std::move(kept);
  file.state.prefix += prefix;
}

void check_finite(const NamedTensor& named, const std::string& where) {
  if (!named.tensor.is_floating_point()) return;
  const at::Tensor tensor = named.tensor.element_size() == 1 ? named.tensor.to(at::kFloat) : named.tensor;
  if (tensor.isfinite().all().item<bool>()) return;
  throw Error("{}: tensor '{}' holds a number that is not finite (NaN or infinite); the weights are useless", where,
              named.name);
}

}  // namespace skylift
