// README.md beside an exported model: what it is, how it was made, how well it does, and where its limits are.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/models/model_file.h"

namespace skylift {

/// What is said of the exported file itself.
struct ExportedFile {
  std::string name;      ///< student.onnx
  std::string form;      ///< "raw outputs, fp32, batch free, size free"
  std::string verified;  ///< what the check against its source found
  std::string checksum;
};

/// Markdown. `source`: the model file that was exported; what the run in its folder is known by stands in the text.
std::string model_readme(const ModelCard& card, const std::filesystem::path& source, const ExportedFile& file);

/// Writes it as README.md into the folder, or as NAME.README.md: never over what another hand wrote or changed, nor over
/// the card of another file. Returns the path; empty: both are taken.
std::filesystem::path write_model_readme(const std::filesystem::path& folder, const ModelCard& card,
                                         const std::filesystem::path& source, const ExportedFile& file);

}  // namespace skylift
