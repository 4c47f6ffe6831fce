// Runs an ONNX model in memory, to see that it computes what it should.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

namespace skylift {

/// Whether this build has a runtime for ONNX (OpenVINO).
bool can_run_onnx();

/// In float32 arithmetic, on the CPU.
class OnnxRunner {
 public:
  /// Error: the runtime refuses the model.
  explicit OnnxRunner(const std::string& model);
  ~OnnxRunner();

  /// Inputs by name, contiguous float -> outputs by name, float or int64.
  std::map<std::string, at::Tensor> run(const std::map<std::string, at::Tensor>& inputs);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skylift
