#include "skylift/export/onnx_graph.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/formats/protobuf.h"

namespace skylift {
namespace {

// Numbers of the format's fields and enumerations.
enum ModelField {
  model_ir_version = 1,
  model_producer = 2,
  model_producer_version = 3,
  model_doc = 6,
  model_graph = 7
};
enum ModelFieldMore { model_opset = 8, model_metadata = 14 };
enum GraphField { graph_node = 1, graph_name = 2, graph_initializer = 5, graph_input = 11, graph_output = 12 };
enum NodeField { node_input = 1, node_output = 2, node_name = 3, node_op = 4, node_attribute = 5 };
enum AttributeField { attribute_name = 1, attribute_float = 2, attribute_int = 3, attribute_string = 4 };
enum AttributeFieldMore { attribute_ints = 8, attribute_type = 20 };
enum AttributeType { type_float = 1, type_int = 2, type_string = 3, type_ints = 7 };
enum TensorField { tensor_dims = 1, tensor_type = 2, tensor_name = 8, tensor_raw = 9 };

uint64_t element_type(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return 1;
    case c10::ScalarType::Long:
      return 7;
    case c10::ScalarType::Bool:
      return 9;
    case c10::ScalarType::Half:
      return 10;
    default:
      throw Error("onnx: got a tensor of type {}, expected float, half, int64 or bool", c10::toString(type));
  }
}

std::string attribute_bytes(const std::string& name, const OnnxAttribute& value) {
  ProtobufWriter writer;
  writer.bytes(attribute_name, name);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    writer.varint(attribute_int, static_cast<uint64_t>(*integer));
    writer.varint(attribute_type, type_int);
  } else if (const auto* number = std::get_if<double>(&value)) {
    writer.fixed32(attribute_float, static_cast<float>(*number));
    writer.varint(attribute_type, type_float);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    writer.bytes(attribute_string, *text);
    writer.varint(attribute_type, type_string);
  } else {
    for (const int64_t item : std::get<std::vector<int64_t>>(value)) {
      writer.varint(attribute_ints, static_cast<uint64_t>(item));
    }
    writer.varint(attribute_type, type_ints);
  }
  return writer.data();
}

std::string node_bytes(const OnnxNode& node) {
  ProtobufWriter writer;
  for (const auto& input : node.inputs) writer.bytes(node_input, input);
  for (const auto& output : node.outputs) writer.bytes(node_output, output);
  writer.bytes(node_name, node.outputs.front());
  writer.bytes(node_op, node.op);
  for (const auto& [name, value] : node.attributes) writer.bytes(node_attribute, attribute_bytes(name, value));
  return writer.data();
}

std::string tensor_bytes(const std::string& name, const at::Tensor& value) {
  ProtobufWriter writer;
  for (const int64_t size : value.sizes()) writer.varint(tensor_dims, static_cast<uint64_t>(size));
  writer.varint(tensor_type, element_type(value.scalar_type()));
  writer.bytes(tensor_name, name);
  writer.bytes(tensor_raw, {static_cast<const char*>(value.const_data_ptr()), static_cast<size_t>(value.nbytes())});
  return writer.data();
}

std::string one_field(int field, std::string_view bytes) {
  ProtobufWriter writer;
  writer.bytes(field, bytes);
  return writer.data();
}

std::string value_bytes(const OnnxValue& value) {
  ProtobufWriter shape;
  for (const auto& size : value.shape) {
    ProtobufWriter dimension;
    if (const auto* number = std::get_if<int64_t>(&size)) dimension.varint(1, static_cast<uint64_t>(*number));
    if (const auto* name = std::get_if<std::string>(&size)) dimension.bytes(2, *name);
    shape.bytes(1, dimension.data());
  }
  ProtobufWriter tensor, writer;
  tensor.varint(1, element_type(value.type));
  tensor.bytes(2, shape.data());
  writer.bytes(1, value.name);
  writer.bytes(2, one_field(1, tensor.data()));
  return writer.data();
}

std::string pair_bytes(const std::string& key, const std::string& value) {
  ProtobufWriter writer;
  writer.bytes(1, key);
  writer.bytes(2, value);
  return writer.data();
}

std::string graph_bytes(const OnnxGraph& graph) {
  ProtobufWriter writer;
  for (const auto& node : graph.nodes()) writer.bytes(graph_node, node_bytes(node));
  writer.bytes(graph_name, "detector");
  for (const auto& [name, value] : graph.constants()) writer.bytes(graph_initializer, tensor_bytes(name, value));
  for (const auto& input : graph.inputs()) writer.bytes(graph_input, value_bytes(input));
  for (const auto& output : graph.outputs()) writer.bytes(graph_output, value_bytes(output));
  return writer.data();
}

void check_size(const OnnxGraph& graph) {
  int64_t bytes = 1 << 20;  // what stands beside the weights, generously
  for (const auto& [name, value] : graph.constants()) bytes += static_cast<int64_t>(value.nbytes());
  if (bytes <= onnx_limit_bytes) return;
  throw Error(
      "onnx: got weights of {:.2f} GB, expected less than 2 GB, which is all that one ONNX file holds "
      "(hint: --precision fp16 halves them, or a narrower model)",
      static_cast<double>(bytes) / 1e9);
}

}  // namespace

std::string OnnxGraph::unique(const std::string& name) {
  std::string candidate = name;
  for (int number = 2; !names_.insert(candidate).second; ++number) candidate = fmt::format("{}_{}", name, number);
  return candidate;
}

std::string OnnxGraph::add_input(const OnnxValue& input) {
  inputs_.push_back(input);
  return unique(input.name);
}

std::string OnnxGraph::add(const std::string& op, std::vector<std::string> inputs, const std::string& name,
                           OnnxAttributes attributes) {
  return add_many(op, std::move(inputs), {name}, std::move(attributes)).front();
}

std::vector<std::string> OnnxGraph::add_many(const std::string& op, std::vector<std::string> inputs,
                                             const std::vector<std::string>& names, OnnxAttributes attributes) {
  OnnxNode node{op, std::move(inputs), {}, std::move(attributes)};
  for (const auto& name : names) node.outputs.push_back(unique(name));
  nodes_.push_back(node);
  return node.outputs;
}

void OnnxGraph::add_output(const std::string& value, const OnnxValue& output) {
  if (!names_.insert(output.name).second) throw Error("onnx: output '{}' has the name of another value", output.name);
  for (auto& node : nodes_) {
    std::replace(node.inputs.begin(), node.inputs.end(), value, output.name);
    std::replace(node.outputs.begin(), node.outputs.end(), value, output.name);
  }
  outputs_.push_back(output);
}

std::string OnnxGraph::constant(const std::string& name, const at::Tensor& value) {
  names_.insert(name);
  const auto [place, is_new] = constants_.try_emplace(name, value.detach().to(at::kCPU).contiguous());
  if (!is_new && !at::equal(place->second, value)) throw Error("onnx: two different constants are called '{}'", name);
  return name;
}

std::string OnnxGraph::integers(const std::vector<int64_t>& values) {
  return constant(fmt::format("integers.{}", fmt::join(values, "_")), at::tensor(values, at::kLong));
}

std::string OnnxGraph::number(double value) {
  return constant(fmt::format("number.{}", value), at::scalar_tensor(value, at::kFloat));
}

std::string OnnxGraph::serialised(const std::string& description) const {
  check_size(*this);
  ProtobufWriter opset, writer;
  opset.bytes(1, "");
  opset.varint(2, onnx_opset);
  writer.varint(model_ir_version, onnx_ir_version);
  writer.bytes(model_producer, "skylift");
  writer.bytes(model_producer_version, SKYLIFT_VERSION);
  writer.bytes(model_doc, description);
  writer.bytes(model_graph, graph_bytes(*this));
  writer.bytes(model_opset, opset.data());
  for (const auto& [key, value] : metadata) writer.bytes(model_metadata, pair_bytes(key, value));
  return writer.data();
}

}  // namespace skylift
