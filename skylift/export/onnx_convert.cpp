#include "skylift/export/onnx_convert.h"

#include <ATen/Functions.h>
#include <torch/csrc/jit/ir/constants.h>

#include "skylift/core/error.h"

namespace skylift {

using torch::jit::Node;
using torch::jit::Value;

void refuse(const Node& node, const std::string& why) {
  throw Error("onnx: cannot export {}: {}", node.kind().toQualString(), why);
}

bool is(const Node& node, const char* name) { return std::string_view(node.kind().toQualString()) == name; }

c10::IValue constant_input(const Node& node, size_t input) {
  const auto value = torch::jit::toIValue(node.input(input));
  if (!value) refuse(node, fmt::format("its argument {} is computed, expected a constant", input + 1));
  return *value;
}

std::vector<int64_t> integer_list(const Node& node, size_t input) {
  const Node& list = *node.input(input)->node();
  if (!is(list, "prim::ListConstruct")) return constant_input(node, input).toIntVector();
  std::vector<int64_t> values;
  for (size_t i = 0; i < list.inputs().size(); ++i) values.push_back(constant_input(list, i).toInt());
  return values;
}

std::vector<int64_t> sizes_of(const Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  if (!sizes) refuse(*value->node(), "its result has no known shape");
  return *sizes;
}

OnnxConverter::OnnxConverter(OnnxGraph& graph, const Trace& trace, std::string images, c10::ScalarType type,
                             bool free_size)
    : graph_(graph), trace_(trace), type_(type), free_size_(free_size) {
  values_[trace.graph->inputs().at(0)] = std::move(images);
}

const std::unordered_map<std::string, OnnxConverter::Rule>& OnnxConverter::rules() {
  static const std::unordered_map<std::string, Rule> rules = {
      {"aten::_convolution", &OnnxConverter::convolution},
      {"aten::batch_norm", &OnnxConverter::batch_norm},
      {"aten::group_norm", &OnnxConverter::group_norm},
      {"aten::relu", &OnnxConverter::relu},
      {"aten::relu6", &OnnxConverter::clip},
      {"aten::hardtanh", &OnnxConverter::clip},
      {"aten::clamp", &OnnxConverter::clip},
      {"aten::sigmoid", &OnnxConverter::sigmoid},
      {"aten::add", &OnnxConverter::add},
      {"aten::mul", &OnnxConverter::multiply},
      {"aten::max_pool2d", &OnnxConverter::max_pool},
      {"aten::upsample_nearest2d", &OnnxConverter::upsample},
      {"aten::constant_pad_nd", &OnnxConverter::pad},
      {"aten::pad", &OnnxConverter::pad},
      {"aten::cat", &OnnxConverter::concatenate},
      {"aten::stack", &OnnxConverter::stack},
      {"aten::narrow", &OnnxConverter::narrow},
      {"aten::slice", &OnnxConverter::slice},
      {"aten::flatten", &OnnxConverter::flatten},
      {"aten::select", &OnnxConverter::constant_select},
      {"aten::to", &OnnxConverter::pass},
      {"aten::contiguous", &OnnxConverter::pass},
      {"aten::detach", &OnnxConverter::pass},
  };
  return rules;
}

std::vector<OnnxLevel> OnnxConverter::convert() {
  for (const Node* node : trace_.graph->nodes()) {
    if (is(*node, "prim::Constant") || is(*node, "prim::ListConstruct")) continue;  // read by those who use them
    if (node->outputs().size() == 1 && values_.contains(node->output())) continue;  // folded into the one before
    const auto rule = rules().find(node->kind().toQualString());
    if (rule == rules().end()) refuse(*node, "the exporter has no rule for this operation");
    (this->*rule->second)(*node);
  }
  std::vector<OnnxLevel> levels;
  const auto outputs = trace_.graph->outputs();
  for (size_t i = 0; i + 1 < outputs.size(); i += 2) levels.push_back({name_of(outputs[i]), name_of(outputs[i + 1])});
  return levels;
}

std::string OnnxConverter::parameter_name(const at::Tensor& tensor) const {
  const auto found = trace_.names.find(tensor.const_data_ptr());
  return found == trace_.names.end() ? "" : found->second;
}

std::string OnnxConverter::layer_name(const Node& node, size_t weight_input) const {
  const std::string name = parameter_name(constant_input(node, weight_input).toTensor());
  return name.substr(0, name.rfind('.'));
}

std::string OnnxConverter::constant(const at::Tensor& tensor, const std::string& name) {
  const at::Tensor value = tensor.is_floating_point() ? tensor.to(type_) : tensor;
  if (type_ == at::kHalf && tensor.is_floating_point() && !at::isfinite(value).all().item<bool>()) {
    throw Error("onnx: {} has values up to {}, float16 ends at 65504 (hint: --precision fp32)", name,
                tensor.abs().max().item<double>());
  }
  return graph_.constant(name, value);
}

std::string OnnxConverter::name_of(const Value* value) {
  const auto found = values_.find(value);
  if (found != values_.end()) return found->second;
  const auto constant_value = torch::jit::toIValue(value);
  if (!constant_value || !constant_value->isTensor()) refuse(*value->node(), "expected a tensor");
  const at::Tensor tensor = constant_value->toTensor();
  const std::string name = parameter_name(tensor);
  if (name.empty()) refuse(*value->node(), "a constant tensor that is no parameter of the model");
  return constant(tensor, name);
}

void OnnxConverter::emit_named(const Value& value, const std::string& op, std::vector<std::string> inputs,
                               const std::string& name, OnnxAttributes attributes) {
  values_[&value] = graph_.add(op, std::move(inputs), name, std::move(attributes));
}

void OnnxConverter::emit(const Node& node, const std::string& op, std::vector<std::string> inputs,
                         const std::string& suffix, OnnxAttributes attributes) {
  const std::string name = inputs.front() + "." + suffix;
  emit_named(*node.output(), op, std::move(inputs), name, std::move(attributes));
}

void OnnxConverter::relu(const Node& node) { emit(node, "Relu", {name_of(node.input(0))}, "relu"); }

void OnnxConverter::sigmoid(const Node& node) { emit(node, "Sigmoid", {name_of(node.input(0))}, "sigmoid"); }

void OnnxConverter::clip(const Node& node) {
  const bool relu6 = is(node, "aten::relu6");
  std::vector<std::string> inputs = {name_of(node.input(0))};
  for (const size_t i : {1, 2}) {
    const c10::IValue bound = relu6 ? c10::IValue(i == 1 ? 0.0 : 6.0) : constant_input(node, i);
    const double value = bound.isNone() ? 0 : bound.toScalar().toDouble();
    inputs.push_back(bound.isNone() ? "" : constant(at::scalar_tensor(value), fmt::format("bound.{}", value)));
  }
  emit(node, "Clip", std::move(inputs), "clip");
}

void OnnxConverter::add(const Node& node) {
  if (constant_input(node, 2).toScalar().toDouble() != 1) refuse(node, "it scales its second term");
  emit(node, "Add", {name_of(node.input(0)), name_of(node.input(1))}, "add");
}

void OnnxConverter::multiply(const Node& node) {
  emit(node, "Mul", {name_of(node.input(0)), name_of(node.input(1))}, "mul");
}

void OnnxConverter::concatenate(const Node& node) {
  std::vector<std::string> inputs;
  for (const Value* part : node.input(0)->node()->inputs()) inputs.push_back(name_of(part));
  emit(node, "Concat", std::move(inputs), "cat", {{"axis", constant_input(node, 1).toInt()}});
}

void OnnxConverter::stack(const Node& node) {
  const int64_t dim = constant_input(node, 1).toInt();
  std::vector<std::string> inputs;
  for (const Value* part : node.input(0)->node()->inputs()) {
    const std::string name = name_of(part);
    inputs.push_back(graph_.add("Unsqueeze", {name, graph_.integers({dim})}, name + ".unsqueeze"));
  }
  emit(node, "Concat", std::move(inputs), "stack", {{"axis", dim}});
}

/// [..., a, b, ...] -> [..., a*b, ...]: the sizes around are taken from the input, so that they may be free.
void OnnxConverter::flatten(const Node& node) {
  const std::string input = name_of(node.input(0));
  const auto rank = static_cast<int64_t>(sizes_of(node.input(0)).size());
  const auto dim = [&](size_t i) { return (constant_input(node, i).toInt() + rank) % rank; };
  const int64_t first = dim(1), last = dim(2);
  std::vector<std::string> sizes;
  if (first > 0)
    sizes.push_back(graph_.add("Shape", {input}, input + ".sizes", {{"start", int64_t{0}}, {"end", first}}));
  sizes.push_back(graph_.integers({-1}));
  if (last + 1 < rank) sizes.push_back(graph_.add("Shape", {input}, input + ".sizes", {{"start", last + 1}}));
  const std::string shape = graph_.add("Concat", std::move(sizes), input + ".shape", {{"axis", int64_t{0}}});
  emit(node, "Reshape", {input, shape}, "flatten");
}

void OnnxConverter::emit_slice(const Node& node, int64_t dim, int64_t begin, int64_t end) {
  emit(node, "Slice",
       {name_of(node.input(0)), graph_.integers({begin}), graph_.integers({end}), graph_.integers({dim})}, "slice");
}

void OnnxConverter::narrow(const Node& node) {
  const int64_t begin = constant_input(node, 2).toInt();
  emit_slice(node, constant_input(node, 1).toInt(), begin, begin + constant_input(node, 3).toInt());
}

void OnnxConverter::slice(const Node& node) {
  if (constant_input(node, 4).toInt() != 1) refuse(node, "it has a step");
  const c10::IValue begin = constant_input(node, 2), end = constant_input(node, 3);
  emit_slice(node, constant_input(node, 1).toInt(), begin.isNone() ? 0 : begin.toInt(),
             end.isNone() ? std::numeric_limits<int64_t>::max() : end.toInt());
}

void OnnxConverter::pass(const Node& node) { values_[node.output()] = name_of(node.input(0)); }

/// An element of a parameter, such as a level's scale.
void OnnxConverter::constant_select(const Node& node) {
  const at::Tensor tensor = constant_input(node, 0).toTensor();
  const int64_t dim = constant_input(node, 1).toInt(), index = constant_input(node, 2).toInt();
  values_[node.output()] =
      constant(tensor.select(dim, index).clone(), fmt::format("{}.{}", parameter_name(tensor), index));
}

}  // namespace skylift
