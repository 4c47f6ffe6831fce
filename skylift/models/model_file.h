// A model file: safetensors whose metadata describes itself, so that MODEL on a command line needs nothing else.
#pragma once

#include <filesystem>
#include <memory>

#include "skylift/models/detector.h"
#include "skylift/models/model_card.h"

namespace skylift {

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
