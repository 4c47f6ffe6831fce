// The arguments of every command that runs a model: engine, device, tiles, how images are read.
#pragma once

#include "skylift/formats/image_header.h"
#include "skylift/infer/predictor.h"

namespace CLI {
class App;
}

namespace skylift {

/// --engine, --device, --precision, --mode, --threads, --batch.
void add_engine_arguments(CLI::App& command, EngineOptions& options);

/// --tile, --overlap, --no-full-image, --merge, --merge-metric, --merge-threshold.
void add_tiling_arguments(CLI::App& command, TilingOptions& options);

/// `detect`, but decoded as in the model's training (skylift/train/validation.h), with the score of `detect`: the boxes
/// are then those that `skylift eval --model` scores.
DetectOptions decoded_as_trained(DetectOptions detect, const ModelCard& card, const std::string& model);

/// --orientation, --depth: as a data set's SPEC has them before it.
void add_reading_arguments(CLI::App& command, ImageReading& reading);

}  // namespace skylift
