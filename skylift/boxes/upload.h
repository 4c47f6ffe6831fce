// Short lists that the CPU has worked out, on their way to the training device.
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// `values` there. Neither the host nor, on a GPU, the work under way is waited for: what is not pinned has been taken over
/// when this returns.
inline at::Tensor upload(const at::Tensor& values, c10::Device device) {
  return values.to(device, values.scalar_type(), /*non_blocking=*/true);
}

}  // namespace skylift
