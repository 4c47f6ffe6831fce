// Networks on libtorch: CPU and CUDA, float32 or bf16 by autocast.
#pragma once

#include <memory>

#include "skylift/infer/device.h"
#include "skylift/infer/engine.h"
#include "skylift/models/model_file.h"

namespace skylift {

/// Moves the model to the device. Runs take turns: one has the device's threads to itself.
std::unique_ptr<Engine> make_torch_engine(Model model, const ComputeDevice& compute);

}  // namespace skylift
