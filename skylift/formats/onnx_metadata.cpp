#include "skylift/formats/onnx_metadata.h"

#include <cstdint>

#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr uint64_t kVersionField = 1, kGraphField = 7, kMetadataField = 14, kKeyField = 1, kValueField = 2;
constexpr uint64_t kConstantField = 5, kInputField = 11, kOutputField = 12, kNameField = 1, kExternalField = 13;

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

/// A StringStringEntryProto.
std::pair<std::string, std::string> entry_of(std::string_view bytes, const std::string& name) {
  std::pair<std::string, std::string> result;
  for (FieldReader entry(bytes, name); entry.next();) {
    if (entry.field == kKeyField) result.first = entry.value;
    if (entry.field == kValueField) result.second = entry.value;
  }
  return result;
}

/// Calls visit(bytes) for each message in a field of the graph.
template <class Visit>
void for_graph(std::string_view bytes, const std::string& name, uint64_t field, Visit visit) {
  for (FieldReader model(bytes, name); model.next();) {
    if (model.field != kGraphField) continue;
    for (FieldReader graph(model.value, name); graph.next();) {
      if (graph.field == field) visit(graph.value);
    }
  }
}

std::vector<std::string> graph_names(std::string_view bytes, const std::string& name, uint64_t field) {
  std::vector<std::string> names;
  for_graph(bytes, name, field, [&](std::string_view value) {
    for (FieldReader one(value, name); one.next();) {
      if (one.field == kNameField) names.emplace_back(one.value);
    }
  });
  return names;
}

}  // namespace

std::map<std::string, std::string> onnx_metadata(std::string_view bytes, const std::string& name) {
  std::map<std::string, std::string> metadata;
  for (FieldReader model(bytes, name); model.next();) {
    if (model.field != kMetadataField) continue;
    const auto [key, value] = entry_of(model.value, name);
    metadata[key] = value;
  }
  return metadata;
}

std::vector<std::string> onnx_outputs(std::string_view bytes, const std::string& name) {
  return graph_names(bytes, name, kOutputField);
}

std::vector<std::string> onnx_inputs(std::string_view bytes, const std::string& name) {
  return graph_names(bytes, name, kInputField);
}

std::set<std::string> onnx_weight_files(std::string_view bytes, const std::string& name) {
  std::set<std::string> files;
  for_graph(bytes, name, kConstantField, [&](std::string_view value) {
    for (FieldReader constant(value, name); constant.next();) {
      if (constant.field != kExternalField) continue;
      const auto [key, place] = entry_of(constant.value, name);
      if (key == "location") files.insert(place);
    }
  });
  return files;
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
