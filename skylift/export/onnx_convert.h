// From aten operations to ONNX nodes, one rule an operation.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "skylift/export/onnx_graph.h"
#include "skylift/export/onnx_trace.h"

namespace skylift {

/// Where the converted network's maps are: names in the graph, parallel to DenseOutput::levels.
struct OnnxLevel {
  std::string cls_logits, box_logits;
};

class OnnxConverter {
 public:
  /// `images`: the value that the network reads, already of `type` (float or half). `free_size`: nothing may depend on
  /// the size of the traced input.
  OnnxConverter(OnnxGraph& graph, const Trace& trace, std::string images, c10::ScalarType type, bool free_size);

  /// Adds the network. Error: an operation, or a way of using one, that has no rule.
  std::vector<OnnxLevel> convert();

 private:
  using Node = torch::jit::Node;
  using Value = torch::jit::Value;
  using Rule = void (OnnxConverter::*)(const Node&);
  static const std::unordered_map<std::string, Rule>& rules();

  void convolution(const Node& node);
  void batch_norm(const Node& node);
  void group_norm(const Node& node);
  void relu(const Node& node);
  void clip(const Node& node);
  void sigmoid(const Node& node);
  void add(const Node& node);
  void multiply(const Node& node);
  void max_pool(const Node& node);
  void upsample(const Node& node);
  void pad(const Node& node);
  void concatenate(const Node& node);
  void stack(const Node& node);
  void narrow(const Node& node);
  void slice(const Node& node);
  void flatten(const Node& node);
  void pass(const Node& node);
  void constant_select(const Node& node);

  /// Weight and bias of a convolution with the batch norm after it, and that norm's output.
  struct Folded {
    at::Tensor weight, bias;  ///< bias may be undefined
    const Value* output;
  };
  Folded folded(const Node& convolution) const;
  bool is_folded_pad(const Node& pad) const;

  /// The node's result as one ONNX node. `suffix` names it after its first input, unless `name` is given.
  void emit(const Node& node, const std::string& op, std::vector<std::string> inputs, const std::string& suffix,
            OnnxAttributes attributes = {});
  void emit_named(const Value& value, const std::string& op, std::vector<std::string> inputs, const std::string& name,
                  OnnxAttributes attributes = {});
  void emit_slice(const Node& node, int64_t dim, int64_t begin, int64_t end);

  /// The value's name in the graph; a constant tensor is added to it.
  std::string name_of(const Value* value);
  std::string constant(const at::Tensor& tensor, const std::string& name);
  std::string parameter_name(const at::Tensor& tensor) const;
  std::string layer_name(const Node& node, size_t weight_input) const;

  OnnxGraph& graph_;
  const Trace& trace_;
  c10::ScalarType type_;
  bool free_size_;
  std::unordered_map<const Value*, std::string> values_;
};

// What stands in a node's inputs as constants. Error: it is computed.

[[noreturn]] void refuse(const torch::jit::Node& node, const std::string& why);
c10::IValue constant_input(const torch::jit::Node& node, size_t input);
std::vector<int64_t> integer_list(const torch::jit::Node& node, size_t input);
std::vector<int64_t> sizes_of(const torch::jit::Value* value);
bool is(const torch::jit::Node& node, const char* name);

}  // namespace skylift
