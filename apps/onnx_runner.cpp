#include "apps/onnx_runner.h"

#include <ATen/Functions.h>

#include <cstring>

#include "skylift/core/error.h"

#ifdef SKYLIFT_WITH_OPENVINO
#include <openvino/openvino.hpp>

namespace skylift {
namespace {

at::Tensor copied(const ov::Tensor& tensor) {
  const bool integers = tensor.get_element_type() == ov::element::i64;
  const ov::Shape sizes = tensor.get_shape();
  const std::vector<int64_t> shape(sizes.begin(), sizes.end());
  at::Tensor result = at::empty(shape, integers ? at::kLong : at::kFloat);
  std::memcpy(result.mutable_data_ptr(), tensor.data(), tensor.get_byte_size());
  return result;
}

}  // namespace

struct OnnxRunner::Impl {
  ov::Core core;
  ov::CompiledModel model;
};

bool can_run_onnx() { return true; }

OnnxRunner::OnnxRunner(const std::string& model) : impl_(std::make_unique<Impl>()) {
  try {
    impl_->model =
        impl_->core.compile_model(model, ov::Tensor(), "CPU", ov::hint::inference_precision(ov::element::f32));
  } catch (const ov::Exception& error) {
    throw Error("OpenVINO refuses the exported model: {}", error.what());
  }
}

std::map<std::string, at::Tensor> OnnxRunner::run(const std::map<std::string, at::Tensor>& inputs) {
  ov::InferRequest request = impl_->model.create_infer_request();
  for (const auto& [name, value] : inputs) {
    const ov::Shape shape(value.sizes().begin(), value.sizes().end());
    request.set_tensor(name, ov::Tensor(ov::element::f32, shape, const_cast<float*>(value.const_data_ptr<float>())));
  }
  request.infer();
  std::map<std::string, at::Tensor> outputs;
  for (const auto& output : impl_->model.outputs()) {
    outputs[output.get_any_name()] = copied(request.get_tensor(output));
  }
  return outputs;
}

}  // namespace skylift

#else

namespace skylift {

struct OnnxRunner::Impl {};

bool can_run_onnx() { return false; }

OnnxRunner::OnnxRunner(const std::string&) { throw Error("this build has no runtime for ONNX (OpenVINO)"); }

std::map<std::string, at::Tensor> OnnxRunner::run(const std::map<std::string, at::Tensor>&) { return {}; }

}  // namespace skylift

#endif

namespace skylift {

OnnxRunner::~OnnxRunner() = default;

}  // namespace skylift
