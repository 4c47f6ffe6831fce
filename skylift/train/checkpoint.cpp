#include "skylift/train/checkpoint.h"

#include <ATen/Functions.h>

#include <optional>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/temporary_file.h"
#include "skylift/core/text.h"
#include "skylift/train/step.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

constexpr const char* kChecksum = "checksum";
constexpr const char* kIdentity = "run.";  ///< prefix of the texts that say what the run is

fs::path newest_state(const fs::path& folder) { return state_folder(folder) / "state.safetensors"; }
fs::path previous_state(const fs::path& folder) { return state_folder(folder) / "previous.safetensors"; }

/// Of everything in a state but the checksum itself.
std::string content_checksum(const std::vector<NamedTensor>& tensors, const TextMap& metadata) {
  uint64_t sum = checksum("state");
  for (const auto& [key, value] : metadata) {
    if (key != kChecksum) sum = checksum(value, checksum(key, sum));
  }
  for (const auto& [name, tensor] : tensors) {
    sum = checksum(name, checksum(c10::toString(tensor.scalar_type()), sum));
    for (const int64_t size : tensor.sizes()) sum = checksum(std::to_string(size), sum);
    sum = checksum({static_cast<const char*>(tensor.const_data_ptr()), static_cast<size_t>(tensor.nbytes())}, sum);
  }
  return checksum_text(sum);
}

void check_finite(const std::vector<NamedTensor>& tensors, const Checkpoint& checkpoint) {
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>()) continue;
    throw Diverged(
        "training: '{}' is not finite after step {}, so nothing was saved (hint: a lower learning rate or a longer "
        "warm-up; --resume goes on from the state before)",
        name, checkpoint.step);
  }
}

const std::string& required(const TextMap& metadata, const std::string& key, const fs::path& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    throw Error("{}: not a resume state: '{}' is missing from its metadata", path.string(), key);
  return found->second;
}

template <class Number>
Number parsed(const std::optional<Number>& number, const std::string& key, const fs::path& path) {
  if (!number) throw Error("{}: not a resume state: its {} is no number", path.string(), key);
  return *number;
}

Checkpoint read_state(const fs::path& path) {
  TensorFile file = read_tensors(path);
  const TextMap& metadata = file.metadata;
  const auto integer = [&](const char* key) { return parsed(parse_integer(required(metadata, key, path)), key, path); };
  const auto number = [&](const char* key) { return parsed(parse_number(required(metadata, key, path)), key, path); };
  if (required(metadata, kChecksum, path) != content_checksum(file.tensors, metadata))
    throw Error("{}: damaged: its content is not what was written", path.string());
  Checkpoint checkpoint{.step = integer("step"),
                        .scored_step = integer("scored_step"),
                        .best_ap = number("best_ap"),
                        .seconds = number("seconds"),
                        .identity = {},
                        .tensors = std::move(file.tensors)};
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(kIdentity)) checkpoint.identity[key.substr(std::string(kIdentity).size())] = value;
  }
  return checkpoint;
}

}  // namespace

fs::path state_folder(const fs::path& folder) { return folder / "resume"; }

bool has_checkpoint(const fs::path& folder) {
  return is_there(newest_state(folder)) || is_there(previous_state(folder));
}

void remove_checkpoints(const fs::path& folder) {
  fs::remove(newest_state(folder));
  fs::remove(previous_state(folder));
}

void save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : checkpoint.tensors)
    tensors.push_back({name, tensor.detach().to(at::kCPU).contiguous()});
  check_finite(tensors, checkpoint);
  TextMap metadata = {{"step", std::to_string(checkpoint.step)},
                      {"scored_step", std::to_string(checkpoint.scored_step)},
                      {"best_ap", fmt::format("{}", checkpoint.best_ap)},
                      {"seconds", fmt::format("{}", checkpoint.seconds)}};
  for (const auto& [key, value] : checkpoint.identity) metadata[kIdentity + key] = value;
  metadata[kChecksum] = content_checksum(tensors, metadata);
  // Written whole before either of the others is touched: a full disk leaves both.
  const fs::path next = state_folder(folder) / "next.safetensors";
  write_tensors(next, tensors, metadata);
  if (is_there(newest_state(folder))) move_file(newest_state(folder), previous_state(folder));
  move_file(next, newest_state(folder));
}

Checkpoint load_checkpoint(const fs::path& folder) {
  const fs::path newest = newest_state(folder), previous = previous_state(folder);
  if (!has_checkpoint(folder)) {
    throw Error("{}: nothing to go on from (hint: leave --resume out to begin this run)", newest.string());
  }
  try {
    return read_state(newest);
  } catch (const Error& error) {
    if (!is_there(previous)) throw;
    Checkpoint checkpoint = read_state(previous);
    log_warning("{}; going on from the state before it, of step {}", error.what(), checkpoint.step);
    move_file(previous, newest);  // else the damaged one would become the previous one of the next save
    return checkpoint;
  }
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
