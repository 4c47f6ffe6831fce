// Which engine runs a model.
#pragma once

#include <filesystem>
#include <memory>

#include "skylift/infer/engine.h"

namespace skylift {

struct EngineOptions;

/// By its content; a damaged one by its name. Error: cannot be opened.
bool is_onnx_file(const std::filesystem::path& model);

/// Error: the file is no model, the engine cannot run it, or the device or number format is not here.
std::unique_ptr<Engine> open_engine(const std::filesystem::path& model, const EngineOptions& options);

}  // namespace skylift
