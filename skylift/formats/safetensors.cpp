#include "skylift/formats/safetensors.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

namespace dom = simdjson::dom;
static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian, and so are the views");

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t bytes;
};
constexpr std::array<DTypeInfo, 16> kDTypes = {{{DType::F64, "F64", 8},
                                                {DType::F32, "F32", 4},
                                                {DType::F16, "F16", 2},
                                                {DType::BF16, "BF16", 2},
                                                {DType::I64, "I64", 8},
                                                {DType::I32, "I32", 4},
                                                {DType::I16, "I16", 2},
                                                {DType::I8, "I8", 1},
                                                {DType::U8, "U8", 1},
                                                {DType::BOOL, "BOOL", 1},
                                                {DType::C64, "C64", 8},
                                                {DType::U64, "U64", 8},
                                                {DType::U32, "U32", 4},
                                                {DType::U16, "U16", 2},
                                                {DType::F8_E5M2, "F8_E5M2", 1},
                                                {DType::F8_E4M3, "F8_E4M3", 1}}};

constexpr std::string_view kMetadata = "__metadata__";
constexpr uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit

std::string dtype_names() {
  std::string names;
  for (const auto& known : kDTypes) names.append(names.empty() ? "" : " ").append(known.name);
  return names;
}

const DTypeInfo& info(DType dtype) { return kDTypes.at(static_cast<size_t>(dtype)); }

/// Bytes of a tensor, or nothing when they do not fit 63 bits.
std::optional<uint64_t> byte_count(DType dtype, std::span<const int64_t> shape) {
  int64_t count = static_cast<int64_t>(dtype_bytes(dtype));
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return static_cast<uint64_t>(count);
}

/// The checks of one file's header; every complaint carries the path.
struct HeaderReader {
  const std::filesystem::path& path;
  std::string_view data;  ///< all bytes after the header

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error("{}: {}", path.string(), fmt::format(format, std::forward<Args>(args)...));
  }

  TextMap metadata(dom::element value) const {
    dom::object object;
    if (value.get(object)) fail("{} is not an object, expected texts by name", kMetadata);
    TextMap out;
    for (const auto& [key, entry] : object) {
      std::string_view text;
      if (entry.get(text)) fail("{}: the value of {} is not a text", kMetadata, in_quotes(key));
      if (!out.emplace(key, text).second) fail("{}: {} stands twice", kMetadata, in_quotes(key));
    }
    return out;
  }

  DType dtype(std::string_view name, dom::object object) const {
    std::string_view text;
    if (object["dtype"].get(text)) fail("tensor {}: no 'dtype', expected a text such as 'F32'", in_quotes(name));
    for (const auto& known : kDTypes) {
      if (known.name == text) return known.dtype;
    }
    fail("tensor {}: got dtype {}, expected one of {}", in_quotes(name), in_quotes(text), dtype_names());
  }

  std::vector<int64_t> integers(std::string_view name, dom::object object, const char* key) const {
    dom::array array;
    if (object[key].get(array)) fail("tensor {}: no '{}', expected a list of integers", in_quotes(name), key);
    std::vector<int64_t> out;
    for (const dom::element item : array) {
      int64_t value = 0;
      if (item.get(value) || value < 0) {
        fail("tensor {}: '{}'[{}] is not an integer from 0 to 2^63-1", in_quotes(name), key, out.size());
      }
      out.push_back(value);
    }
    return out;
  }

  TensorView tensor(std::string_view name, dom::element value) const {
    dom::object object;
    if (value.get(object)) fail("tensor {}: not an object, expected dtype, shape and data_offsets", in_quotes(name));
    for (const auto& [key, unused] : object) {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail("tensor {}: unknown key {}", in_quotes(name), in_quotes(key));
    }
    if (object.size() != 3) fail("tensor {}: expected dtype, shape and data_offsets, once each", in_quotes(name));
    TensorView view{std::string(name), dtype(name, object), integers(name, object, "shape"), {}};
    const auto offsets = integers(name, object, "data_offsets");
    if (offsets.size() != 2)
      fail("tensor {}: got {} data_offsets, expected begin and end", in_quotes(name), offsets.size());
    const auto begin = static_cast<uint64_t>(offsets[0]), end = static_cast<uint64_t>(offsets[1]);
    if (begin > end || end > data.size()) {
      fail("tensor {}: got data_offsets [{}, {}], expected begin <= end <= {} (is the file cut off?)", in_quotes(name),
           begin, end, data.size());
    }
    const auto expected = byte_count(view.dtype, view.shape);
    if (!expected) fail("tensor {}: shape [{}] overflows 63 bits", in_quotes(name), fmt::join(view.shape, ","));
    if (*expected != end - begin) {
      fail("tensor {}: got {} bytes, expected {} for {} [{}]", in_quotes(name), end - begin, *expected,
           dtype_name(view.dtype), fmt::join(view.shape, ","));
    }
    view.bytes = data.substr(begin, end - begin);
    return view;
  }

  /// The tensors must cover the bytes one after the other: bytes of nobody may hide content, shared bytes are a mistake
  /// or an attack.
  void check_cover(const std::vector<TensorView>& tensors) const {
    std::vector<size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto begin = [&](size_t i) { return static_cast<size_t>(tensors[i].bytes.data() - data.data()); };
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::pair(begin(a), tensors[a].bytes.size()) < std::pair(begin(b), tensors[b].bytes.size());
    });
    size_t covered = 0;
    for (const size_t i : order) {
      if (begin(i) < covered) fail("tensor {}: its bytes overlap those of another tensor", in_quotes(tensors[i].name));
      if (begin(i) > covered)
        fail("tensor {}: {} bytes before it belong to no tensor", in_quotes(tensors[i].name), begin(i) - covered);
      covered += tensors[i].bytes.size();
    }
    if (covered != data.size()) fail("{} bytes at the end belong to no tensor", data.size() - covered);
  }
};

/// The bytes between the length and the tensors.
std::string_view header_of(const std::filesystem::path& path, std::string_view file) {
  if (file.size() < 8)
    throw Error("{}: not a safetensors file: {} bytes, expected at least 8", path.string(), file.size());
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  if (length > kMaxHeader || length > file.size() - 8) {
    throw Error("{}: not a safetensors file, or cut off: header of {} bytes in a file of {}", path.string(), length,
                file.size());
  }
  return file.substr(8, length);
}

}  // namespace

std::string_view dtype_name(DType dtype) { return info(dtype).name; }
size_t dtype_bytes(DType dtype) { return info(dtype).bytes; }
int64_t TensorView::elements() const { return static_cast<int64_t>(bytes.size() / dtype_bytes(dtype)); }

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), map_(path) {
  const std::string_view file = map_.bytes();
  const std::string_view header = header_of(path, file);
  const HeaderReader reader{path_, file.substr(8 + header.size())};
  dom::parser parser;
  dom::object object;
  const auto error = parser.parse(header.data(), header.size()).get(object);
  if (error) reader.fail("not a safetensors file: the header is no JSON object: {}", simdjson::error_message(error));
  bool has_metadata = false;
  for (const auto& [name, value] : object) {
    if (name == kMetadata) {
      if (std::exchange(has_metadata, true)) reader.fail("{} stands twice", kMetadata);
      metadata_ = reader.metadata(value);
      continue;
    }
    if (!index_.emplace(name, tensors_.size()).second) reader.fail("tensor {} stands twice", in_quotes(name));
    tensors_.push_back(reader.tensor(name, value));
  }
  reader.check_cover(tensors_);
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const TensorView& SafetensorsFile::tensor(std::string_view name) const {
  if (const TensorView* view = find(name)) return *view;
  std::vector<std::string> names;
  for (const auto& view : tensors_) names.push_back(view.name);
  const auto near = nearest_word(name, names);
  throw Error("{}: no tensor {} among {}{}", path_.string(), in_quotes(name), names.size(),
              near ? fmt::format(" (did you mean {}?)", in_quotes(*near)) : "");
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const TextMap& metadata) {
  std::set<std::string_view> names = {kMetadata};
  std::vector<const TensorView*> layout;
  for (const auto& tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw Error("{}: two tensors are named {}", path.string(), in_quotes(tensor.name));
    if (!is_utf8(tensor.name)) throw Error("{}: a tensor's name is not UTF-8", path.string());
    if (byte_count(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
      throw Error("{}: tensor {}: got {} bytes, which do not fit {} [{}]", path.string(), in_quotes(tensor.name),
                  tensor.bytes.size(), dtype_name(tensor.dtype), fmt::join(tensor.shape, ","));
    }
    layout.push_back(&tensor);
  }
  std::stable_sort(layout.begin(), layout.end(),
                   [](const auto* a, const auto* b) { return dtype_bytes(a->dtype) > dtype_bytes(b->dtype); });
  std::map<const TensorView*, size_t> offsets;
  size_t offset = 0;
  for (const auto* tensor : layout) {
    offsets[tensor] = offset;
    offset += tensor->bytes.size();
  }

  for (const auto& [key, value] : metadata) {
    if (!is_utf8(key) || !is_utf8(value))
      throw Error("{}: the metadata {} is not UTF-8", path.string(), in_quotes(key));
  }
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  for (const auto& tensor : tensors) {
    const size_t begin = offsets[&tensor];
    header[tensor.name] = {{"dtype", dtype_name(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, begin + tensor.bytes.size()}}};
  }
  std::string text = dump_json(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  write_file(path, [&](std::ostream& stream) {
    stream.write(reinterpret_cast<const char*>(&length), 8);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const auto* tensor : layout)
      stream.write(tensor->bytes.data(), static_cast<std::streamsize>(tensor->bytes.size()));
  });
}

}  // namespace skylift
