// Where and how a network runs: device, number format, memory layout. The same choices serve training and inference.
#pragma once

#include <torch/nn/module.h>

#include <string>

#include "skylift/config/option_table.h"

namespace skylift {

struct DeviceOptions {
  std::string device = "cpu";      ///< "cpu", "cuda:N", or "cuda": that of LOCAL_RANK under torchrun, else the first
  std::string precision = "auto";  ///< "float32", "bf16" (autocast) or "auto": bf16 where the hardware computes in it
  std::string memory_format = "auto";  ///< "contiguous", "channels_last" or "auto": what measures faster on the device
  int threads = 0;                     ///< of one operation on the CPU; 0: libtorch's choice
};

void bind(OptionSection section, DeviceOptions& options);

/// The options made concrete on this machine.
struct ComputeDevice {
  c10::Device device = c10::kCPU;
  bool bf16 = false;
  c10::MemoryFormat memory_format = c10::MemoryFormat::Contiguous;

  std::string description() const;  ///< "cpu, bf16, channels_last, 2 threads"
};

/// Error: no such device here, or bf16 asked for on hardware that lacks it.
ComputeDevice open_device(const DeviceOptions& options);

/// Moves a module's tensors to the device and lays the convolutions' weights out in its memory format.
void place(torch::nn::Module& module, const ComputeDevice& compute);

/// While it lives, autocast to bf16 is on for the device if `compute.bf16`; its weight cache is emptied at the end.
class AutocastScope {
 public:
  explicit AutocastScope(const ComputeDevice& compute);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  c10::DeviceType type_;
  bool active_;
  bool before_ = false;
};

}  // namespace skylift
