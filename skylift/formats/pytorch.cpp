#include "skylift/formats/pytorch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/formats/pytorch_globals.h"
#include "skylift/formats/zip.h"

namespace skylift {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view legacy_magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
                                        10);  // a number, as a pickle has it
constexpr int64_t legacy_version = 1001;
constexpr int deepest_parameter = 8;    // of parameters that wrap a tensor
constexpr size_t most_dimensions = 64;  // torch's own limit
constexpr size_t most_flags = 64;       // in a tensor's arguments: "conj", "neg", "requires_grad", ...

int64_t integer(const PickleValue* value) { return value != nullptr && value->is(Kind::integer) ? value->integer : -1; }

const PickleValue* item(const PickleValue* sequence, size_t i) {
  return sequence != nullptr && i < sequence->items.size() ? sequence->items[i] : nullptr;
}

/// The integers of a tuple or a torch.Size; nothing where one is negative or no integer, or where they are too many.
std::optional<std::vector<int64_t>> integers(const PickleValue* value) {
  if (value != nullptr && value->is_call("torch.Size")) value = item(value->arguments, 0);
  if (value == nullptr || !value->is(Kind::sequence) || value->items.size() > most_dimensions) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const PickleValue* number : value->items) {
    if (integer(number) < 0) return std::nullopt;
    numbers.push_back(number->integer);
  }
  return numbers;
}

/// torch._utils._rebuild_tensor, _v2 or _v3: the dense ones.
bool builds_dense_tensor(const PickleValue& value) {
  return value.is_call("torch._utils._rebuild_tensor") || value.is_call("torch._utils._rebuild_tensor_v2") ||
         value.is_call("torch._utils._rebuild_tensor_v3");
}

/// The call of which a parameter, or a tensor with attributes, consists; null for other values.
const PickleValue* wrapped(const PickleValue& value, PickleValue& unwrapped) {
  if (value.is_call("torch._utils._rebuild_parameter") || value.is_call("torch._utils._rebuild_parameter_with_state"))
    return item(value.arguments, 0);
  if (!value.is_call("torch._tensor._rebuild_from_type_v2")) return nullptr;
  const PickleValue* function = item(value.arguments, 0);
  if (function == nullptr || !function->is(Kind::global)) return nullptr;
  unwrapped.kind = Kind::call;
  unwrapped.text = function->text;
  unwrapped.arguments = item(value.arguments, 2);
  return &unwrapped;
}

/// Whether a flag such as "conj" is set in the last argument: its elements are not the stored bytes.
bool has_flag(const PickleValue& call) {
  for (const PickleValue* argument : call.arguments->items) {
    if (argument->pairs.size() > most_flags) return true;  // may be shared by every tensor of the file
    for (const char* flag : {"conj", "neg"}) {
      const PickleValue* set = argument->find(flag);
      if (set != nullptr && set->integer != 0) return true;
    }
  }
  return false;
}

}  // namespace

int64_t StridedView::elements() const {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

std::string StridedView::row_major() const {
  const size_t size = dtype_bytes(dtype);
  std::string bytes(static_cast<size_t>(elements()) * size, '\0');
  std::vector<int64_t> index(shape.size(), 0);
  const int64_t run = shape.empty() || strides.back() != 1 ? 1 : shape.back();  // elements that lie side by side
  const size_t outer = run == 1 ? shape.size() : shape.size() - 1;
  int64_t place = offset;
  for (size_t written = 0; written < bytes.size(); written += static_cast<size_t>(run) * size) {
    std::memcpy(bytes.data() + written, storage.data() + static_cast<size_t>(place) * size,
                static_cast<size_t>(run) * size);
    for (size_t axis = outer; axis-- > 0;) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return bytes;
}

PytorchFile::PytorchFile(const std::filesystem::path& path)
    : path_(path), map_(path), pickles_(path.string(), checkpoint_may_name) {
  looks_like_zip(map_.bytes()) ? read_zip() : read_legacy();
}

void PytorchFile::read_zip() {
  const auto entries = zip_entries(path_, map_.bytes());
  std::optional<std::string> folder;
  for (const auto& [name, bytes] : entries) {
    if (name.ends_with("/data.pkl") && std::count(name.begin(), name.end(), '/') == 1)
      folder = name.substr(0, name.size() - 8);
  }
  if (!folder) throw Error("{}: a zip archive without data.pkl, expected a file of torch.save", path_.string());
  if (entries.contains(*folder + "constants.pkl")) {
    throw Error("{}: a TorchScript program, expected tensors (hint: torch.save(model.state_dict(), ...))",
                path_.string());
  }
  if (const auto order = entries.find(*folder + "byteorder"); order != entries.end() && order->second != "little") {
    throw Error("{}: its byte order is {}, expected 'little'", path_.string(), in_quotes(order->second));
  }
  size_t position = 0;
  root_ = &pickles_.read(entries.at(*folder + "data.pkl"), position);
  const std::string data = *folder + "data/";
  for (const auto& [name, bytes] : entries) {
    if (name.starts_with(data)) storages_[name.substr(data.size())] = bytes;
  }
}

void PytorchFile::read_legacy() {
  const auto no_file = [&] { return Error("{}: neither a zip nor an older file of torch.save", path_.string()); };
  if (!map_.bytes().starts_with('\x80')) throw no_file();
  size_t position = 0;
  const auto next = [&]() -> const PickleValue& { return pickles_.read(map_.bytes(), position); };
  if (next().text != legacy_magic) throw no_file();
  if (const auto& version = next(); integer(&version) != legacy_version) throw no_file();
  const PickleValue* little = next().find("little_endian");
  if (little == nullptr || little->integer != 1) {
    throw Error("{}: written on a big-endian machine, expected little-endian", path_.string());
  }
  root_ = &next();
  const PickleValue& keys = next();
  read_legacy_storages(keys, position);
}

void PytorchFile::read_legacy_storages(const PickleValue& keys, size_t position) {
  const std::string_view file = map_.bytes();
  const auto element_bytes = legacy_element_bytes();
  for (const PickleValue* key : keys.items) {
    const auto known = element_bytes.find(key->text);
    if (known == element_bytes.end())
      throw Error("{}: storage {} belongs to no tensor", path_.string(), in_quotes(key->text));
    uint64_t elements = 0;
    const uint64_t size = known->second, left = file.size() - position;
    if (left >= 8) std::memcpy(&elements, file.data() + position, 8);
    if (left < 8 || elements > (left - 8) / size) {
      throw Error("{}: storage {} of {} elements is not whole; is the file cut off?", path_.string(),
                  in_quotes(key->text), elements);
    }
    storages_[key->text] = file.substr(position + 8, elements * size);
    position += 8 + elements * size;
  }
}

/// The bytes of an element are known from the tensors alone.
std::unordered_map<std::string_view, uint64_t> PytorchFile::legacy_element_bytes() const {
  std::unordered_map<std::string_view, uint64_t> bytes;
  for (const PickleValue* value : pickles_.persistent_values()) {
    const PickleValue *type = item(value->arguments, 1), *key = item(value->arguments, 2);
    if (key == nullptr || type == nullptr) continue;
    if (const auto known = storage_type(type->text)) bytes.emplace(key->text, known->bytes);
  }
  return bytes;
}

std::optional<StridedView> PytorchFile::tensor(const PickleValue& value, const std::string& name) const {
  const PickleValue* call = &value;
  PickleValue unwrapped[deepest_parameter];
  for (auto& room : unwrapped) {
    const PickleValue* inner = wrapped(*call, room);
    if (inner == nullptr) break;
    call = inner;
  }
  if (builds_dense_tensor(*call)) return view(*call, name);
  if (call->is(Kind::call) && call->text.starts_with("torch._utils._rebuild_")) {
    throw Error("{}: tensor {} is built by {}, expected a dense tensor", path_.string(), in_quotes(name),
                in_quotes(call->text));
  }
  return std::nullopt;
}

StridedView PytorchFile::view(const PickleValue& call, const std::string& name) const {
  const PickleValue* id = item(call.arguments, 0);
  const auto shape = integers(item(call.arguments, 2));
  auto strides = integers(item(call.arguments, 3));
  const int64_t offset = integer(item(call.arguments, 1));
  if (id == nullptr || !id->is(Kind::persistent) || !shape || !strides || strides->size() != shape->size() ||
      offset < 0) {
    throw Error("{}: tensor {}: expected a storage, an offset, a shape and strides of its length", path_.string(),
                in_quotes(name));
  }
  if (call.arguments->items.size() > most_flags || has_flag(call)) {
    throw Error("{}: tensor {} is a conjugate or negative view (hint: save x.resolve_conj().resolve_neg())",
                path_.string(), in_quotes(name));
  }
  std::optional<std::string> type;
  if (call.text.ends_with("_v3")) {
    const PickleValue* given = item(call.arguments, 6);
    type = given != nullptr ? given->text : "";
  }
  const Storage found = storage(*id, name, type);
  for (size_t i = 0; i < shape->size(); ++i) {
    if ((*shape)[i] <= 1) (*strides)[i] = 0;  // nobody steps along it, and any number may stand there
  }
  StridedView view{found.dtype, *shape, *strides, offset, found.bytes};
  check(view, name);
  return view;
}

PytorchFile::Storage PytorchFile::storage(const PickleValue& id, const std::string& name,
                                          const std::optional<std::string>& tensor_type) const {
  const PickleValue *kind = item(id.arguments, 0), *type = item(id.arguments, 1), *key = item(id.arguments, 2);
  const int64_t elements = integer(item(id.arguments, 4));
  const auto stored = type != nullptr ? storage_type(type->text) : std::nullopt;
  if (kind == nullptr || kind->text != "storage" || key == nullptr || !stored || elements < 0) {
    throw Error("{}: tensor {}: what it names is no storage", path_.string(), in_quotes(name));
  }
  const auto element = tensor_type ? torch_type(*tensor_type) : stored;
  if (!element || !element->dtype) {
    throw Error("{}: tensor {} holds {}, which is not read (hint: convert it to float32 before saving)", path_.string(),
                in_quotes(name), in_quotes(element ? element->name : *tensor_type));
  }
  const auto found = storages_.find(key->text);
  const auto count = static_cast<uint64_t>(elements);
  if (found == storages_.end() || found->second.size() / stored->bytes != count ||
      found->second.size() % stored->bytes != 0) {
    throw Error("{}: tensor {}: its storage {} should have {} elements of {} bytes and has {} bytes", path_.string(),
                in_quotes(name), in_quotes(key->text), count, stored->bytes,
                found == storages_.end() ? 0 : found->second.size());
  }
  std::string_view bytes = found->second;
  if (const PickleValue* part = item(id.arguments, 5); part != nullptr && part->is(Kind::sequence)) {
    const int64_t begin = integer(item(part, 1)), size = integer(item(part, 2));
    if (begin < 0 || size < 0 || begin > elements || size > elements - begin)
      throw Error("{}: tensor {}: its part of storage {} leaves it", path_.string(), in_quotes(name),
                  in_quotes(key->text));
    bytes = bytes.substr(static_cast<uint64_t>(begin) * stored->bytes, static_cast<uint64_t>(size) * stored->bytes);
  }
  return {*element->dtype, bytes};
}

/// The last element that the view reaches must lie in the storage, and its elements must be countable.
void PytorchFile::check(const StridedView& view, const std::string& name) const {
  int64_t bytes = static_cast<int64_t>(dtype_bytes(view.dtype)), last = view.offset;
  bool empty = false, overflow = false;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    empty |= view.shape[i] == 0;
    overflow |= __builtin_mul_overflow(bytes, std::max<int64_t>(1, view.shape[i]), &bytes);
    int64_t reach = 0;
    overflow |= __builtin_mul_overflow(std::max<int64_t>(0, view.shape[i] - 1), view.strides[i], &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  if (overflow)
    throw Error("{}: tensor {}: shape [{}] overflows 63 bits", path_.string(), in_quotes(name),
                fmt::join(view.shape, ","));
  const auto elements = static_cast<int64_t>(view.storage.size() / dtype_bytes(view.dtype));
  if (!empty && last >= elements) {
    throw Error("{}: tensor {} of shape [{}] reaches element {} of a storage of {}", path_.string(), in_quotes(name),
                fmt::join(view.shape, ","), last, elements);
  }
}

bool looks_like_pytorch(const std::filesystem::path& path) {
  const MappedFile map(path);
  return looks_like_zip(map.bytes()) || map.bytes().starts_with('\x80');
}

}  // namespace skylift
