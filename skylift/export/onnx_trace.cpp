#include "skylift/export/onnx_trace.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include "skylift/models/fold.h"

namespace skylift {
namespace {

using torch::jit::Stack;

/// On the CPU and without gradients: the tracer takes no other tensors as constants.
std::shared_ptr<Detector> constant_copy(const Detector& detector) {
  auto copy = make_detector(folded_state(detector), detector.class_count(), "export");
  for (auto& parameter : copy->parameters()) parameter.set_requires_grad(false);
  return copy;
}

Stack logits(const DenseOutput& output) {
  Stack stack;
  for (const auto& level : output.levels) {
    stack.emplace_back(level.cls_logits);
    stack.emplace_back(level.box_logits);
  }
  return stack;
}

}  // namespace

Trace trace(const Detector& detector, int64_t height, int64_t width) {
  const at::NoGradGuard no_grad;
  Trace result;
  result.detector = constant_copy(detector);
  for (const auto& [name, tensor] : named_state(*result.detector)) result.names[tensor.const_data_ptr()] = name;
  const auto forward = [&result](Stack inputs) {
    result.output = result.detector->forward(inputs.front().toTensor());
    return logits(result.output);
  };
  const auto no_names = [](const at::Tensor&) { return std::string(); };
  auto traced = torch::jit::tracer::trace({at::zeros({1, 3, height, width})}, forward, no_names, /*strict=*/true,
                                          /*force_outplace=*/true);
  result.graph = traced.first->graph;
  torch::jit::EliminateDeadCode(result.graph);
  return result;
}

}  // namespace skylift
