// The arguments of every command that runs a model: engine, device, tiles.
#pragma once

#include "skylift/infer/predictor.h"

namespace CLI {
class App;
}

namespace skylift {

/// --engine, --device, --precision, --mode, --threads, --batch.
void add_engine_arguments(CLI::App& command, EngineOptions& options);

/// --tile, --overlap, --no-full-image, --merge, --merge-metric, --merge-threshold.
void add_tiling_arguments(CLI::App& command, TilingOptions& options);

}  // namespace skylift
