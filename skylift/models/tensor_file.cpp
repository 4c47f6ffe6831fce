#include "skylift/models/tensor_file.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <array>
#include <cstring>
#include <map>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/formats/file_kind.h"

namespace skylift {
namespace {

struct TypePair {
  DType file;
  at::ScalarType torch;
};

constexpr std::array<TypePair, 16> types = {{{DType::F64, at::kDouble},
                                             {DType::F32, at::kFloat},
                                             {DType::F16, at::kHalf},
                                             {DType::BF16, at::kBFloat16},
                                             {DType::I64, at::kLong},
                                             {DType::I32, at::kInt},
                                             {DType::I16, at::kShort},
                                             {DType::I8, at::kChar},
                                             {DType::U8, at::kByte},
                                             {DType::BOOL, at::kBool},
                                             {DType::C64, at::kComplexFloat},
                                             {DType::U64, at::kUInt64},
                                             {DType::U32, at::kUInt32},
                                             {DType::U16, at::kUInt16},
                                             {DType::F8_E5M2, at::kFloat8_e5m2},
                                             {DType::F8_E4M3, at::kFloat8_e4m3fn}}};

at::ScalarType torch_type(DType type) {
  for (const auto& pair : types) {
    if (pair.file == type) return pair.torch;
  }
  throw Error("safetensors: type {} has no counterpart in torch", dtype_name(type));
}

DType file_type(const NamedTensor& named) {
  for (const auto& pair : types) {
    if (pair.torch == named.tensor.scalar_type()) return pair.file;
  }
  throw Error("{}: type {} cannot be written as safetensors", named.name, c10::toString(named.tensor.scalar_type()));
}

std::string_view bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), static_cast<size_t>(tensor.nbytes())};
}

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ","));
}

}  // namespace

std::vector<NamedTensor> named_state(const torch::nn::Module& module) {
  std::vector<NamedTensor> state;
  for (const auto& item : module.named_parameters()) state.push_back({item.key(), item.value()});
  for (const auto& item : module.named_buffers()) {
    if (!item.key().ends_with("num_batches_tracked")) state.push_back({item.key(), item.value()});
  }
  return state;
}

std::string tensors_checksum(const std::vector<NamedTensor>& tensors) {
  uint64_t sum = 1;
  for (const NamedTensor& named : tensors) {
    const at::Tensor values = named.tensor.detach().to(at::kCPU).contiguous();
    sum = checksum(named.name, sum);
    sum = checksum({static_cast<const char*>(values.const_data_ptr()), static_cast<size_t>(values.nbytes())}, sum);
  }
  return checksum_text(sum);
}

std::string tensors_checksum(const torch::nn::Module& module) { return tensors_checksum(named_state(module)); }

void load_state(torch::nn::Module& module, const std::vector<NamedTensor>& tensors, const std::string& where) {
  std::map<std::string, at::Tensor> given;
  for (const auto& named : tensors) given[named.name] = named.tensor;
  const auto state = named_state(module);
  for (const auto& [name, target] : state) {
    const auto found = given.find(name);
    if (found == given.end())
      throw Error("{}: tensor '{}' {} is missing; is it another architecture?", where, name,
                  shape_text(target.sizes()));
    if (found->second.sizes() != target.sizes()) {
      throw Error("{}: tensor '{}' has shape {}, expected {}; is it another architecture?", where, name,
                  shape_text(found->second.sizes()), shape_text(target.sizes()));
    }
  }
  if (given.size() != state.size()) {
    for (const auto& named : state) given.erase(named.name);
    throw Error("{}: tensor '{}' has no place in this model; is it another architecture?", where, given.begin()->first);
  }
  torch::NoGradGuard no_grad;
  for (auto [name, target] : state) target.copy_(given.at(name));
}

void write_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                   const TextMap& metadata) {
  std::vector<at::Tensor> kept;  // alive until the file is written
  std::vector<TensorView> views;
  for (const auto& named : tensors) {
    kept.push_back(named.tensor.detach().to(at::kCPU).contiguous());
    views.push_back({named.name, file_type(named), kept.back().sizes().vec(), bytes_of(kept.back())});
  }
  write_safetensors(path, views, metadata);
}

at::Tensor to_tensor(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::TensorOptions().dtype(torch_type(view.dtype)));
  if (!view.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

TensorFile read_tensors(const std::filesystem::path& path) {
  expect_kind(path, {FileKind::safetensors}, "a safetensors file");
  const SafetensorsFile file(path);
  TensorFile result{{}, file.metadata()};
  for (const auto& view : file.tensors()) result.tensors.push_back({view.name, to_tensor(view)});
  return result;
}

}  // namespace skylift
