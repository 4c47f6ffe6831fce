// Networks on libtorch: CPU and CUDA, float32 or bf16 by autocast.
#pragma once

#include <functional>
#include <memory>

#include "skylift/infer/device.h"
#include "skylift/infer/engine.h"
#include "skylift/models/model_file.h"

namespace skylift {

/// [B,3,H,W] normalised -> what a network says, without gradient.
using DenseForward = std::function<DenseOutput(const at::Tensor& images)>;
std::unique_ptr<Engine> make_torch_engine(DenseForward forward, ModelCard card, const ComputeDevice& compute);

/// Moves the model to the device. Runs take turns: one has the device's threads to itself.
std::unique_ptr<Engine> make_torch_engine(Model model, const ComputeDevice& compute);

}  // namespace skylift
