// Runs any ONNX model, in float32 arithmetic on the CPU: to see that an export computes what it should, and to learn from
// detectors of other tools.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/models/tensor_file.h"

namespace skylift {

/// Whether this build has a runtime for ONNX (OpenVINO).
bool can_run_onnx();

struct OnnxInput {
  std::string name;
  std::vector<int64_t> sizes;  ///< -1: free
  bool integers = false;       ///< int64 or less, else float
  std::string text;            ///< for messages: "images f16 [1,3,640,640]"
};

class OnnxRunner {
 public:
  /// A model's bytes; `name` begins the messages. Error: the runtime refuses the model, or is not there.
  OnnxRunner(const std::string& model, const std::string& name);
  /// A file, whose weights may lie in others beside it.
  explicit OnnxRunner(const std::filesystem::path& file);
  ~OnnxRunner();

  const std::vector<OnnxInput>& inputs() const { return inputs_; }

  /// Inputs by name, converted to the numbers that the model takes -> outputs in the model's order, float or int64,
  /// owning their memory.
  /// Error: the runtime cannot run it on these.
  std::vector<NamedTensor> run(const std::map<std::string, at::Tensor>& inputs) const;

 private:
  struct Impl;
  template <class Read>
  void compile(std::string_view bytes, const Read& read);

  std::unique_ptr<Impl> impl_;
  std::vector<OnnxInput> inputs_;
  std::vector<std::string> output_names_;
  std::string name_;
};

}  // namespace skylift
