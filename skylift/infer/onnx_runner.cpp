#include "skylift/infer/onnx_runner.h"

#include <ATen/Functions.h>

#include <cstring>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/formats/onnx_metadata.h"

#ifdef SKYLIFT_WITH_OPENVINO
#include <openvino/openvino.hpp>

#include "skylift/infer/openvino_error.h"

namespace skylift {
namespace {

std::vector<int64_t> sizes_of(const ov::PartialShape& shape) {
  std::vector<int64_t> sizes;
  if (shape.rank().is_dynamic()) return sizes;
  for (const ov::Dimension& side : shape) sizes.push_back(side.is_static() ? side.get_length() : -1);
  return sizes;
}

/// Of the names that OpenVINO has for a tensor (those of the nodes that pass it on, too) the file's.
std::string files_name(const ov::Output<const ov::Node>& tensor, const std::vector<std::string>& names) {
  const auto& known = tensor.get_names();
  for (const std::string& name : names) {
    if (known.contains(name)) return name;
  }
  return known.empty() ? "" : tensor.get_any_name();
}

at::Tensor copied(const ov::Tensor& tensor, const std::string& where) {
  const ov::Shape shape = tensor.get_shape();
  const std::vector<int64_t> sizes(shape.begin(), shape.end());
  const auto as = [&](at::ScalarType type) {
    const at::Tensor result = at::empty(sizes, type);
    std::memcpy(result.mutable_data_ptr(), tensor.data(), tensor.get_byte_size());
    return result;
  };
  const ov::element::Type type = tensor.get_element_type();
  if (type == ov::element::f32) return as(at::kFloat);
  if (type == ov::element::i64) return as(at::kLong);
  if (type == ov::element::i32) return as(at::kInt).to(at::kLong);
  if (type == ov::element::f16) return as(at::kHalf).to(at::kFloat);
  throw Error("{}: gives numbers of type {}, expected float or int64", where, type.get_type_name());
}

/// Contiguous, of the numbers that an input takes.
at::Tensor converted(const at::Tensor& value, const ov::element::Type& type, const std::string& where) {
  const std::map<ov::element::Type_t, at::ScalarType> types = {{ov::element::f32, at::kFloat},
                                                               {ov::element::f16, at::kHalf},
                                                               {ov::element::i64, at::kLong},
                                                               {ov::element::i32, at::kInt}};
  const auto found = types.find(type);
  if (found == types.end())
    throw Error("{}: takes numbers of type {}, expected float32, float16, int32 or int64", where, type.get_type_name());
  return value.to(found->second).contiguous();
}

}  // namespace

struct OnnxRunner::Impl {
  ov::Core core;
  ov::CompiledModel model;
};

bool can_run_onnx() { return true; }

OnnxRunner::OnnxRunner(const std::string& model, const std::string& name)
    : impl_(std::make_unique<Impl>()), name_(name) {
  compile(model, [&] { return impl_->core.read_model(model, ov::Tensor()); });
}

OnnxRunner::OnnxRunner(const std::filesystem::path& file) : impl_(std::make_unique<Impl>()), name_(file.string()) {
  compile(MappedFile(file).bytes(), [&] { return impl_->core.read_model(name_); });
}

template <class Read>
void OnnxRunner::compile(std::string_view bytes, const Read& read) {
  try {
    impl_->model = impl_->core.compile_model(read(), "CPU", ov::hint::inference_precision(ov::element::f32));
    const auto outputs = onnx_outputs(bytes, name_), inputs = onnx_inputs(bytes, name_);
    for (const auto& output : impl_->model.outputs()) output_names_.push_back(files_name(output, outputs));
    for (const auto& input : impl_->model.inputs()) {
      const std::string name = files_name(input, inputs);
      const ov::element::Type type = input.get_element_type();
      const ov::PartialShape shape = input.get_partial_shape();
      inputs_.push_back({name, sizes_of(shape), type.is_integral_number(),
                         fmt::format("{} {} {}", name, type.get_type_name(), shape.to_string())});
    }
  } catch (const ov::Exception& error) {
    throw Error("{}: OpenVINO refuses this model: {}", name_, telling_line(error));
  }
}

std::vector<NamedTensor> OnnxRunner::run(const std::map<std::string, at::Tensor>& inputs) const {
  try {
    ov::InferRequest request = impl_->model.create_infer_request();
    std::vector<at::Tensor> converted_inputs;  // live until the run is over
    for (const auto& [name, given] : inputs) {
      const ov::element::Type type = impl_->model.input(name).get_element_type();
      const at::Tensor value = converted_inputs.emplace_back(converted(given, type, name_));
      const ov::Shape shape(value.sizes().begin(), value.sizes().end());
      request.set_tensor(name, ov::Tensor(type, shape, value.mutable_data_ptr()));
    }
    request.infer();
    std::vector<NamedTensor> outputs;
    for (size_t i = 0; i < output_names_.size(); ++i)
      outputs.push_back({output_names_[i], copied(request.get_tensor(impl_->model.output(i)), name_)});
    return outputs;
  } catch (const ov::Exception& error) {
    throw Error("{}: OpenVINO cannot run this model: {}", name_, telling_line(error));
  }
}

}  // namespace skylift

#else

namespace skylift {

struct OnnxRunner::Impl {};

bool can_run_onnx() { return false; }

OnnxRunner::OnnxRunner(const std::string&, const std::string& name) {
  throw Error("{}: this build has no runtime for ONNX (OpenVINO)", name);
}
OnnxRunner::OnnxRunner(const std::filesystem::path& file) : OnnxRunner("", file.string()) {}

std::vector<NamedTensor> OnnxRunner::run(const std::map<std::string, at::Tensor>&) const { return {}; }

}  // namespace skylift

#endif

namespace skylift {

OnnxRunner::~OnnxRunner() = default;

}  // namespace skylift
