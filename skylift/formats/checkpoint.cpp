#include "skylift/formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

using Kind = PickleValue::Kind;

constexpr int deepest = 16;                // dicts in dicts
constexpr size_t entry_limit = 1'000'000;  // shared dicts may repeat without end
constexpr uint64_t spare_bytes = uint64_t{256} << 20;
constexpr uint64_t repeats = 4;  // of the file's bytes, in tensors that share storages
constexpr size_t longest_name = 512, most_name_bytes = size_t{64} << 20;
constexpr size_t most_classes = 100'000;

/// In order of preference.
constexpr const char* usual_keys[] = {"state_dict_ema",   "model_ema", "ema_model", "ema",           "state_dict",
                                      "model_state_dict", "model",     "network",   "net",           "weights",
                                      "params",           "module",    "student",   "ema_state_dict"};

struct Candidate {
  std::string key;
  const PickleValue* dict;
};

bool is_dict(const PickleValue* value) {
  return value != nullptr && (value->is(Kind::dict) || (value->is(Kind::call) && !value->pairs.empty()));
}

bool builds_tensor(const PickleValue* value) {
  return value->is(Kind::call) && value->text.starts_with("torch._") &&
         value->text.find("_rebuild_") != std::string::npos;
}

bool holds_tensors(const PickleValue& dict) {
  return std::any_of(dict.pairs.begin(), dict.pairs.end(), [](const auto& pair) { return builds_tensor(pair.second); });
}

/// Whether there are tensors in dicts of this dict, at any depth that is walked later; `looks` ends an endless search.
bool nests_tensors(const PickleValue& dict, int depth, size_t& looks) {
  if (depth > deepest) return false;
  for (const auto& [key, value] : dict.pairs) {
    if (++looks > entry_limit) return false;
    if (builds_tensor(value) || (is_dict(value) && nests_tensors(*value, depth + 1, looks))) return true;
  }
  return false;
}

/// A dict with tensors at this key, or one level further down under a usual key.
std::optional<Candidate> candidate(const PickleValue& root, const std::string& key) {
  const PickleValue* dict = root.find(key);
  if (!is_dict(dict)) return std::nullopt;
  if (holds_tensors(*dict)) return Candidate{key, dict};
  for (const char* inner : usual_keys) {
    const PickleValue* deeper = dict->find(inner);
    if (is_dict(deeper) && holds_tensors(*deeper)) return Candidate{key + "." + inner, deeper};
  }
  size_t looks = 0;
  return nests_tensors(*dict, 0, looks) ? std::optional<Candidate>({key, dict}) : std::nullopt;
}

/// Dicts under the usual keys, whatever stands beside them; where there are none the whole file.
std::vector<Candidate> candidates(const PickleValue& root) {
  std::vector<Candidate> found;
  for (const char* key : usual_keys) {
    if (const auto dict = candidate(root, key)) found.push_back(*dict);
  }
  size_t looks = 0;
  if (found.empty() && is_dict(&root) && (holds_tensors(root) || nests_tensors(root, 0, looks)))
    found.push_back({"", &root});
  return found;
}

class Flattener {
 public:
  Flattener(const PytorchFile& file, StateDict& state)
      : file_(file), state_(state), budget_(repeats * file.bytes() + spare_bytes) {}

  void add(const PickleValue& dict, const std::string& prefix, int depth) {
    if (depth > deepest) throw Error("{}: dicts in dicts more than {} deep", file_.path().string(), deepest);
    for (const auto& [key, value] : dict.pairs) {
      if (++entries_ > entry_limit) throw Error("{}: more than {} entries", file_.path().string(), entry_limit);
      const std::string name = prefix + (key->is(Kind::text) ? checked(key->text) : std::to_string(key->integer));
      name_bytes_ += name.size();
      if (name_bytes_ > most_name_bytes)
        throw Error("{}: names of more than {} bytes in all", file_.path().string(), most_name_bytes);
      if (auto view = file_.tensor(*value, name)) {
        add_tensor(name, std::move(*view));
      } else if (is_dict(value)) {
        add(*value, name + ".", depth + 1);
      } else {
        state_.skipped.push_back(name);
      }
    }
  }

 private:
  /// A text of the pickle may be used again and again, so a long one is multiplied.
  const std::string& checked(const std::string& name) const {
    if (name.size() > longest_name)
      throw Error("{}: a name of {} bytes, {}, expected at most {}", file_.path().string(), name.size(),
                  in_quotes(name), longest_name);
    return name;
  }

  void add_tensor(const std::string& name, StridedView view) {
    if (!names_.insert(name).second) throw Error("{}: tensor {} stands twice", file_.path().string(), in_quotes(name));
    const uint64_t bytes = static_cast<uint64_t>(view.elements()) * dtype_bytes(view.dtype);
    if (bytes > budget_) {
      throw Error(
          "{}: tensor {} of shape [{}]: the tensors repeat their storages until they are much larger than the file",
          file_.path().string(), in_quotes(name), fmt::join(view.shape, ","));
    }
    budget_ -= bytes;
    state_.tensors.push_back({name, std::move(view)});
  }

  const PytorchFile& file_;
  StateDict& state_;
  uint64_t budget_;
  size_t entries_ = 0, name_bytes_ = 0;
  std::set<std::string> names_;
};

/// Wrappers of the network put their name before every other: DataParallel, Lightning, distillers.
void strip_prefixes(StateDict& state) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string prefix : {"module.", "model.", "_orig_mod.", "architecture.", "student."}) {
      const bool all =
          !state.tensors.empty() && std::all_of(state.tensors.begin(), state.tensors.end(), [&](const auto& tensor) {
            return tensor.name.starts_with(prefix) && tensor.name.size() > prefix.size();
          });
      if (!all) continue;
      for (auto& tensor : state.tensors) tensor.name.erase(0, prefix.size());
      state.prefix += prefix;
      again = true;
    }
  }
}

/// "state_dict.teacher.conv1.weight" and "teacher": "state_dict.teacher."; nothing where no part of a name is the key.
std::string prefix_with(const std::string& name, const std::string& key) {
  const size_t at = ("." + name).find("." + key + ".");
  return at == std::string::npos ? "" : name.substr(0, at + key.size() + 1);
}

/// The tensors whose names have the key among their parts, wherever in the file.
StateDict tensors_below(const PytorchFile& file, const std::string& key, const std::vector<std::string>& others) {
  StateDict state;
  Flattener(file, state).add(file.root(), "", 0);
  for (const auto& tensor : state.tensors) {
    if (state.prefix.empty()) state.prefix = prefix_with(tensor.name, key);
  }
  if (state.prefix.empty()) {
    throw Error("{}: no state dict '{}'{}, and no tensor with that in its name", file.path().string(), key,
                suggestion(key, others));
  }
  std::erase_if(state.tensors, [&](const auto& tensor) { return !tensor.name.starts_with(state.prefix); });
  for (auto& tensor : state.tensors) tensor.name.erase(0, state.prefix.size());
  return state;
}

const PickleValue* find_any(const PickleValue* dict, std::initializer_list<const char*> keys) {
  if (dict == nullptr) return nullptr;
  for (const char* key : keys) {
    if (const PickleValue* value = dict->find(key)) return value;
  }
  return nullptr;
}

}  // namespace

StateDict read_state_dict(const PytorchFile& file, const std::string& key) {
  const auto found = candidates(file.root());
  if (found.empty()) {
    throw Error("{}: no state dict, expected tensors by name, or a dict of them under one of {}", file.path().string(),
                fmt::join(usual_keys, ", "));
  }
  const auto chosen = key.empty() ? found.begin() : std::find_if(found.begin(), found.end(), [&](const auto& dict) {
    return dict.key == key || dict.key.starts_with(key + ".");
  });
  std::vector<std::string> others;
  for (auto dict = found.begin(); dict != found.end(); ++dict) {
    if (dict != chosen) others.push_back(dict->key);
  }
  if (chosen == found.end()) {
    StateDict state = tensors_below(file, key, others);
    strip_prefixes(state);
    return state;
  }
  StateDict state{.key = chosen->key, .others = std::move(others), .prefix = {}, .tensors = {}, .skipped = {}};
  Flattener(file, state).add(*chosen->dict, "", 0);
  strip_prefixes(state);
  return state;
}

CheckpointMetadata read_metadata(const PytorchFile& file) {
  CheckpointMetadata metadata;
  const PickleValue* meta = file.root().find("meta");
  const PickleValue* classes = find_any(meta, {"CLASSES", "classes"});
  if (classes == nullptr) classes = find_any(find_any(meta, {"dataset_meta"}), {"classes", "CLASSES"});
  if (classes != nullptr && classes->is(Kind::sequence)) {
    if (classes->items.size() > most_classes)
      throw Error("{}: {} class names, expected at most {}", file.path().string(), classes->items.size(), most_classes);
    for (const PickleValue* name : classes->items) metadata.classes.push_back(name->text.substr(0, longest_name));
  }
  if (const PickleValue* config = find_any(meta, {"cfg", "config"}); config != nullptr && config->is(Kind::text)) {
    metadata.config = config->text;
  }
  return metadata;
}

}  // namespace skylift
