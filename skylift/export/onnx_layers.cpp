// The rules for layers with weights, and for what changes the size of maps.
#include <ATen/Functions.h>
#include <torch/csrc/jit/ir/constants.h>

#include "skylift/core/error.h"
#include "skylift/export/onnx_convert.h"

namespace skylift {
namespace {

using torch::jit::Node;
using torch::jit::Value;

at::Tensor optional_tensor(const Node& node, size_t input) {
  const c10::IValue value = constant_input(node, input);
  return value.isNone() ? at::Tensor() : value.toTensor();
}

/// The one node that reads a value, if there is just one.
const Node* only_user(const Value* value) { return value->uses().size() == 1 ? value->uses().front().user : nullptr; }

bool is_pad(const Node& node) { return is(node, "aten::constant_pad_nd") || is(node, "aten::pad"); }

double pad_value(const Node& node) {
  const bool named = is(node, "aten::pad");
  if (named && constant_input(node, 2).toStringRef() != "constant") refuse(node, "it does not pad with a constant");
  const c10::IValue value = constant_input(node, named ? 3 : 2);
  return value.isNone() ? 0 : value.toScalar().toDouble();
}

/// [left, right, top, bottom], as aten counts from the last dimension.
std::vector<int64_t> pad_sides(const Node& node) {
  std::vector<int64_t> sides = integer_list(node, 1);
  if (sides.size() > 4) refuse(node, "it pads more than height and width");
  sides.resize(4, 0);
  return sides;
}

/// For height and width; one number stands for both.
std::vector<int64_t> pair_list(const Node& node, size_t input) {
  std::vector<int64_t> list = integer_list(node, input);
  if (list.size() == 1) list.push_back(list.front());
  return list;
}

/// [top, left, bottom, right], as ONNX counts.
std::vector<int64_t> symmetric_pads(const std::vector<int64_t>& padding) {
  return {padding.at(0), padding.at(1), padding.at(0), padding.at(1)};
}

}  // namespace

OnnxConverter::Folded OnnxConverter::folded(const Node& convolution) const {
  Folded result{constant_input(convolution, 1).toTensor(), optional_tensor(convolution, 2), convolution.output()};
  const Node* norm = only_user(convolution.output());
  if (!norm || !is(*norm, "aten::batch_norm")) return result;
  const at::Tensor mean = optional_tensor(*norm, 3).to(at::kDouble);
  const at::Tensor variance = optional_tensor(*norm, 4).to(at::kDouble);
  const at::Tensor weight = optional_tensor(*norm, 1), bias = optional_tensor(*norm, 2);
  at::Tensor scale = (variance + constant_input(*norm, 7).toDouble()).rsqrt();
  if (weight.defined()) scale = scale * weight.to(at::kDouble);
  at::Tensor shift = -mean * scale;
  if (result.bias.defined()) shift = shift + result.bias.to(at::kDouble) * scale;
  if (bias.defined()) shift = shift + bias.to(at::kDouble);
  result.weight = (result.weight.to(at::kDouble) * scale.view({-1, 1, 1, 1})).to(at::kFloat);  // rounded once
  result.bias = shift.to(at::kFloat);
  result.output = norm->output();
  return result;
}

bool OnnxConverter::is_folded_pad(const Node& pad) const {
  const Node* user = only_user(pad.output());
  return user && is(*user, "aten::_convolution") && pad_value(pad) == 0;
}

void OnnxConverter::convolution(const Node& node) {
  const auto list = [&](size_t input) { return pair_list(node, input); };
  if (constant_input(node, 6).toBool()) refuse(node, "it is transposed");
  std::vector<int64_t> pads = symmetric_pads(list(4));
  const Value* input = node.input(0);
  if (is_pad(*input->node()) && is_folded_pad(*input->node())) {
    const auto sides = pad_sides(*input->node());
    const std::vector<int64_t> more = {sides[2], sides[0], sides[3], sides[1]};
    for (size_t i = 0; i < pads.size(); ++i) pads[i] += more[i];
    input = input->node()->input(0);
  }
  const Folded layer = folded(node);
  const std::string name = layer_name(node, 1);
  std::vector<std::string> inputs = {name_of(input), constant(layer.weight, name + ".weight")};
  if (layer.bias.defined()) inputs.push_back(constant(layer.bias, name + ".bias"));
  emit_named(*layer.output, "Conv", std::move(inputs), name,
             {{"kernel_shape", layer.weight.sizes().slice(2).vec()},
              {"strides", list(3)},
              {"pads", pads},
              {"dilations", list(5)},
              {"group", constant_input(node, 8).toInt()}});
}

/// One that no convolution stands before.
void OnnxConverter::batch_norm(const Node& node) {
  const std::string name = layer_name(node, 3);
  const at::Tensor mean = optional_tensor(node, 3);
  const auto filled = [&](size_t input, double value) {
    const at::Tensor tensor = optional_tensor(node, input);
    return tensor.defined() ? tensor : at::full_like(mean, value);
  };
  emit_named(*node.output(), "BatchNormalization",
             {name_of(node.input(0)), constant(filled(1, 1), name + ".weight"), constant(filled(2, 0), name + ".bias"),
              constant(mean, name + ".running_mean"), constant(optional_tensor(node, 4), name + ".running_var")},
             name, {{"epsilon", constant_input(node, 7).toDouble()}});
}

/// Instance norm over a group's channels in one row, then the affine part: in OpenVINO and onnxruntime faster than
/// opset 21's GroupNormalization and than means by ReduceMean. Always in float: sums over a map leave the range of
/// float16.
void OnnxConverter::group_norm(const Node& node) {
  const std::string name = layer_name(node, 2);
  const int64_t groups = constant_input(node, 1).toInt(), channels = sizes_of(node.input(0)).at(1);
  const bool half = type_ == at::kHalf;
  const auto affine = [&](size_t input, const char* part) {
    return graph_.constant(name + part, optional_tensor(node, input).view({channels, 1, 1}));
  };
  std::string x = name_of(node.input(0));
  if (half) x = graph_.add("Cast", {x}, x + ".float", {{"to", int64_t{1}}});
  const std::string shape = graph_.add("Shape", {x}, name + ".shape");
  const std::string rows = graph_.add("Reshape", {x, graph_.integers({0, groups, -1})}, name + ".groups");
  const std::string ones = graph_.constant(fmt::format("ones.{}", groups), at::ones({groups}));
  const std::string zeros = graph_.constant(fmt::format("zeros.{}", groups), at::zeros({groups}));
  const std::string normal = graph_.add("InstanceNormalization", {rows, ones, zeros}, name + ".normal",
                                        {{"epsilon", constant_input(node, 4).toDouble()}});
  const std::string maps = graph_.add("Reshape", {normal, shape}, name + ".maps");
  const std::string scaled = graph_.add("Mul", {maps, affine(2, ".weight")}, name + ".scaled");
  emit_named(*node.output(), "Add", {scaled, affine(3, ".bias")}, name);
  if (half) emit(node, "Cast", {values_[node.output()]}, "half", {{"to", int64_t{10}}});
}

void OnnxConverter::max_pool(const Node& node) {
  const auto kernel = pair_list(node, 1), strides = pair_list(node, 2);
  emit(node, "MaxPool", {name_of(node.input(0))}, "max_pool",
       {{"kernel_shape", kernel},
        {"strides", strides.empty() ? kernel : strides},
        {"pads", symmetric_pads(pair_list(node, 3))},
        {"dilations", pair_list(node, 4)},
        {"ceil_mode", static_cast<int64_t>(constant_input(node, 5).toBool())}});
}

/// Where the map is doubled exactly, by factors, which serve any size; else to the traced size.
void OnnxConverter::upsample(const Node& node) {
  const auto in = sizes_of(node.input(0)), out = sizes_of(node.output());
  const bool doubled = out[2] == 2 * in[2] && out[3] == 2 * in[3];
  if (!doubled && free_size_) refuse(node, "a free size needs maps that double exactly");
  const OnnxAttributes nearest = {{"mode", std::string("nearest")},
                                  {"coordinate_transformation_mode", std::string("asymmetric")},
                                  {"nearest_mode", std::string("floor")}};
  std::vector<std::string> inputs = {name_of(node.input(0)), ""};
  if (doubled) {
    inputs.push_back(graph_.constant("factors.1_1_2_2", at::tensor({1.F, 1.F, 2.F, 2.F})));
    return emit(node, "Resize", std::move(inputs), "upsample", nearest);
  }
  inputs.insert(inputs.end(), {"", graph_.integers({out[2], out[3]})});
  OnnxAttributes attributes = nearest;
  attributes.emplace_back("axes", std::vector<int64_t>{2, 3});
  emit(node, "Resize", std::move(inputs), "upsample", attributes);
}

void OnnxConverter::pad(const Node& node) {
  if (is_folded_pad(node)) return;  // the convolution takes it
  const auto sides = pad_sides(node);
  const std::string value = constant(at::scalar_tensor(pad_value(node)), fmt::format("bound.{}", pad_value(node)));
  emit(node, "Pad",
       {name_of(node.input(0)), graph_.integers({0, 0, sides[2], sides[0], 0, 0, sides[3], sides[1]}), value}, "pad");
}

}  // namespace skylift
