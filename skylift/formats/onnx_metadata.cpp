#include "skylift/formats/onnx_metadata.h"

#include <cstdint>

#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr uint64_t kVersionField = 1, kGraphField = 7, kMetadataField = 14, kKeyField = 1, kValueField = 2;
constexpr uint64_t kOutputField = 12, kNameField = 1;

/// One field after the other of a message on the wire: a number, or bytes for the kinds that have a length.
class FieldReader {
 public:
  FieldReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  bool next() {
    if (bytes_.empty()) return false;
    const uint64_t tag = varint();
    field = tag >> 3;
    value = {};
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        value = take(varint());
        break;
      case 5:
        take(4);
        break;
      default:
        fail();
    }
    return true;
  }

  uint64_t field = 0;
  std::string_view value;

 private:
  [[noreturn]] void fail() const { throw Error("{}: damaged, or not an ONNX file", name_); }

  uint64_t varint() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      number |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return number;
    }
    fail();
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) fail();
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
  const std::string& name_;
};

}  // namespace

std::map<std::string, std::string> onnx_metadata(std::string_view bytes, const std::string& name) {
  std::map<std::string, std::string> metadata;
  for (FieldReader model(bytes, name); model.next();) {
    if (model.field != kMetadataField) continue;
    std::string key, value;
    for (FieldReader entry(model.value, name); entry.next();) {
      if (entry.field == kKeyField) key = entry.value;
      if (entry.field == kValueField) value = entry.value;
    }
    metadata[key] = value;
  }
  return metadata;
}

std::vector<std::string> onnx_outputs(std::string_view bytes, const std::string& name) {
  std::vector<std::string> outputs;
  for (FieldReader model(bytes, name); model.next();) {
    if (model.field != kGraphField) continue;
    for (FieldReader graph(model.value, name); graph.next();) {
      if (graph.field != kOutputField) continue;
      for (FieldReader output(graph.value, name); output.next();) {
        if (output.field == kNameField) outputs.emplace_back(output.value);
      }
    }
  }
  return outputs;
}

bool looks_like_onnx(std::string_view bytes) {
  bool version = false, graph = false;
  try {
    const std::string name;
    for (FieldReader model(bytes, name); model.next();) {
      version |= model.field == kVersionField && model.value.empty();
      graph |= model.field == kGraphField && !model.value.empty();
    }
  } catch (const Error&) {
    return false;
  }
  return version && graph;
}

}  // namespace skylift
