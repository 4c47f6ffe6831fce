// A model file: safetensors whose metadata describes itself, so that MODEL on a command line needs nothing else.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "skylift/image/preprocess.h"
#include "skylift/models/detector.h"

namespace skylift {

/// Key in a model file's metadata; its value is the card as JSON.
inline constexpr const char* model_card_key = "skylift.model";

/// What a model file says of itself besides its tensors.
struct ModelCard {
  ModelOptions options;
  std::vector<std::string> classes;
  Preprocess preprocess;
  std::string recipe;  ///< the resolved config.toml of the run that made it; may be empty
  std::string scores;  ///< JSON object {"protocol": ..., "AP": ...} of its last evaluation; may be empty
};

struct Model {
  std::shared_ptr<Detector> detector;
  ModelCard card;
};

/// Writes the detector alone, never a teacher. Light-ML is folded unless `keep_lifting` (or where it cannot be, with a
/// norm for example, which is said in the log). Error: the file cannot be written.
void save_model(const std::filesystem::path& path, const Detector& detector, ModelCard card, bool keep_lifting = false);

/// Error: not a model file, another architecture (names the first tensor that is missing, left over or of another
/// shape).
Model load_model(const std::filesystem::path& path);

}  // namespace skylift
