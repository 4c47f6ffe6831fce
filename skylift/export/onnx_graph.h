// An ONNX graph under construction and its bytes (https://onnx.ai, the fields of onnx.proto3). Values are known by
// their names, as in the format; nodes stand in an order in which they can run.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace skylift {

inline constexpr int onnx_opset = 18;      ///< reductions with axes as inputs, Resize with axes
inline constexpr int onnx_ir_version = 8;  ///< the oldest that carries this opset
inline constexpr int64_t onnx_limit_bytes = (int64_t{1} << 31) - 1;  ///< of a protobuf message

using OnnxAttribute = std::variant<int64_t, double, std::string, std::vector<int64_t>>;
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs;  ///< an empty name: an optional input that is left out
  std::vector<std::string> outputs;
  OnnxAttributes attributes;
};

/// An input or output. A dimension is a number, or a name where it is free.
struct OnnxValue {
  std::string name;
  c10::ScalarType type = c10::ScalarType::Float;
  std::vector<std::variant<int64_t, std::string>> shape;
};

class OnnxGraph {
 public:
  std::map<std::string, std::string> metadata;

  /// Returns its name.
  std::string add_input(const OnnxValue& input);

  /// Adds a node with one output, named `name` or, where that is taken, `name` with a number. Returns the output.
  std::string add(const std::string& op, std::vector<std::string> inputs, const std::string& name,
                  OnnxAttributes attributes = {});

  /// The same with an output for each of `names`.
  std::vector<std::string> add_many(const std::string& op, std::vector<std::string> inputs,
                                    const std::vector<std::string>& names, OnnxAttributes attributes = {});

  /// Makes a node's output an output of the graph, under this name. Error: the name is taken.
  void add_output(const std::string& value, const OnnxValue& output);

  /// A tensor under its own name; one that is there already is shared. Float, half, int64 or bool.
  std::string constant(const std::string& name, const at::Tensor& value);

  /// A list of numbers or one number, shared by all that ask for the same.
  std::string integers(const std::vector<int64_t>& values);
  std::string number(double value);

  const std::vector<OnnxValue>& inputs() const { return inputs_; }
  const std::vector<OnnxValue>& outputs() const { return outputs_; }
  const std::vector<OnnxNode>& nodes() const { return nodes_; }
  const std::map<std::string, at::Tensor>& constants() const { return constants_; }

  /// The whole model. Error: above 2 GB, which the format cannot hold in one file.
  std::string serialised(const std::string& description) const;

 private:
  std::string unique(const std::string& name);

  std::vector<OnnxValue> inputs_, outputs_;
  std::vector<OnnxNode> nodes_;
  std::map<std::string, at::Tensor> constants_;
  std::set<std::string> names_;
};

}  // namespace skylift
