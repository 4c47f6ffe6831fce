#include "skylift/train/checkpoint.h"

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

std::filesystem::path state_path(const std::filesystem::path& folder) {
  return folder / "resume" / "state.safetensors";
}

const std::string& required(const TextMap& metadata, const std::string& key, const std::filesystem::path& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    throw Error("{}: not a resume state: '{}' is missing from its metadata", path.string(), key);
  return found->second;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint) {
  const TextMap metadata = {{"step", std::to_string(checkpoint.step)},
                            {"best_ap", fmt::format("{}", checkpoint.best_ap)},
                            {"config", checkpoint.config}};
  write_tensors(state_path(folder), checkpoint.tensors, metadata);
}

Checkpoint load_checkpoint(const std::filesystem::path& folder) {
  const auto path = state_path(folder);
  if (!std::filesystem::exists(path)) {
    throw Error("{}: nothing to go on from (hint: leave --resume out to begin this run)", path.string());
  }
  TensorFile file = read_tensors(path);
  Checkpoint checkpoint;
  const auto step = parse_integer(required(file.metadata, "step", path));
  const auto best_ap = parse_number(required(file.metadata, "best_ap", path));
  if (!step || !best_ap) throw Error("{}: not a resume state: its step or best_ap is no number", path.string());
  checkpoint.step = *step;
  checkpoint.best_ap = *best_ap;
  checkpoint.config = required(file.metadata, "config", path);
  checkpoint.tensors = std::move(file.tensors);
  return checkpoint;
}

std::vector<NamedTensor> with_prefix(const std::vector<NamedTensor>& tensors, const std::string& prefix) {
  std::vector<NamedTensor> found;
  for (const NamedTensor& entry : tensors) {
    if (entry.name.rfind(prefix, 0) == 0) found.push_back({entry.name.substr(prefix.size()), entry.tensor});
  }
  return found;
}

void append_prefixed(std::vector<NamedTensor>& into, const std::string& prefix,
                     const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& entry : tensors) into.push_back({prefix + entry.name, entry.tensor});
}

}  // namespace skylift
