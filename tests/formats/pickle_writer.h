// Files of torch.save made byte by byte, so that a mistake common to our reader and PyTorch's writer shows, and so that
// files which PyTorch never writes can be made too.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skylift {

template <class Number>
std::string raw(Number value) {
  std::string bytes(sizeof(Number), '\0');
  std::memcpy(bytes.data(), &value, sizeof(Number));
  return bytes;
}

/// A program of protocol 2; the calls append opcodes.
struct PickleWriter {
  std::string bytes = "\x80\x02";

  PickleWriter& op(std::string_view code) { return bytes += code, *this; }
  PickleWriter& text(std::string_view value) { return op("X").op(raw(static_cast<uint32_t>(value.size()))).op(value); }
  PickleWriter& integer(int64_t value) { return op("\x8a\x08").op(raw(value)); }
  PickleWriter& global(std::string_view module, std::string_view name) {
    return op("c").op(module).op("\n").op(name).op("\n");
  }
  PickleWriter& integers(const std::vector<int64_t>& values) {
    op("(");
    for (const int64_t value : values) integer(value);
    return op("t");
  }
  std::string end() const { return bytes + "."; }
};

struct TensorSpec {
  std::vector<int64_t> shape, strides;
  int64_t offset = 0, elements = 0;
  std::string key = "0";
  std::string storage = "FloatStorage";
  std::string call = "_rebuild_tensor_v2";
};

inline void write_tensor(PickleWriter& pickle, const TensorSpec& tensor) {
  pickle.global("torch._utils", tensor.call).op("((").text("storage").global("torch", tensor.storage);
  pickle.text(tensor.key).text("cpu").integer(tensor.elements).op("tQ").integer(tensor.offset);
  pickle.integers(tensor.shape).integers(tensor.strides).op("\x89").global("collections", "OrderedDict").op(")RtR");
}

/// {"w": tensor} as a pickle.
inline std::string state_pickle(const TensorSpec& tensor, const std::string& name = "w") {
  PickleWriter pickle;
  pickle.op("}(").text(name);
  write_tensor(pickle, tensor);
  return pickle.op("u").end();
}

struct ZipSpec {
  std::string name, bytes;
  uint16_t method = 0;
};

inline std::string zip_of(const std::vector<ZipSpec>& entries) {
  std::string file, directory;
  for (const auto& entry : entries) {
    const auto size = static_cast<uint32_t>(entry.bytes.size()), offset = static_cast<uint32_t>(file.size());
    const std::string common = raw<uint16_t>(0) + raw(entry.method) + raw<uint32_t>(0) + raw<uint32_t>(0) + raw(size) +
                               raw(size) + raw(static_cast<uint16_t>(entry.name.size())) + raw<uint16_t>(0);
    file += "PK\x03\x04" + raw<uint16_t>(20) + common + entry.name + entry.bytes;
    directory += "PK\x01\x02" + raw<uint16_t>(20) + raw<uint16_t>(20) + common + raw<uint16_t>(0) + raw<uint16_t>(0) +
                 raw<uint16_t>(0) + raw<uint32_t>(0) + raw(offset) + entry.name;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  return file + directory + "PK\x05\x06" + raw<uint32_t>(0) + raw(count) + raw(count) +
         raw(static_cast<uint32_t>(directory.size())) + raw(static_cast<uint32_t>(file.size())) + raw<uint16_t>(0);
}

/// A file in the zip format with the storages "0", "1", ...
inline std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<ZipSpec> entries = {{"m/data.pkl", pickle}, {"m/byteorder", "little"}};
  for (size_t i = 0; i < storages.size(); ++i) entries.push_back({"m/data/" + std::to_string(i), storages[i]});
  return zip_of(entries);
}

/// A file in the older format with one storage, "0", of `elements`.
inline std::string torch_legacy(const std::string& pickle, const std::string& storage, int64_t elements,
                                bool little_endian = true) {
  PickleWriter magic, version, system, keys;
  magic.op("\x8a\x0a").op(std::string_view("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10));
  version.integer(1001);
  system.op("}(").text("little_endian").op(little_endian ? "\x88" : "\x89").op("u");
  keys.op("](").text("0").op("e");
  return magic.end() + version.end() + system.end() + pickle + keys.end() + raw(elements) + storage;
}

inline std::string floats(const std::vector<float>& values) {
  std::string bytes;
  for (const float value : values) bytes += raw(value);
  return bytes;
}

}  // namespace skylift
