// The tensors of a module, by name, to and from safetensors.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/formats/safetensors.h"

namespace skylift {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct TensorFile {
  std::vector<NamedTensor> tensors;  ///< in the file's order, on the CPU, owning their memory
  TextMap metadata;
};

/// Parameters, then buffers; they share the module's memory. Batch norm's step counters are left out: nothing here
/// reads them.
std::vector<NamedTensor> named_state(const torch::nn::Module& module);

/// Of a module's parameters and buffers.
std::string tensors_checksum(const torch::nn::Module& module);
std::string tensors_checksum(const std::vector<NamedTensor>& tensors);

/// Copies values in, whatever their device and float type. All is checked before anything is changed.
/// Error, beginning with `where`: names the first tensor that is missing, left over or of another shape.
void load_state(torch::nn::Module& module, const std::vector<NamedTensor>& tensors, const std::string& where);

/// Atomic. Error: as write_safetensors, or a type that the format lacks.
void write_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                   const TextMap& metadata = {});

/// Error: as expect_kind and SafetensorsFile.
TensorFile read_tensors(const std::filesystem::path& path);

/// The bytes of a view as a tensor of its own.
at::Tensor to_tensor(const TensorView& view);

}  // namespace skylift
