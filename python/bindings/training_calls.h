// Training and export as plain calls: the front of what needs torch's headers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "skylift/core/progress.h"

namespace skylift::python {

struct TrainingCall {
  std::string config;                    ///< a file or a recipe; empty: the defaults
  std::vector<std::string> assignments;  ///< KEY=VALUE over it
  std::string data;                      ///< a folder or data.yaml with train and val; empty: the config's
  std::filesystem::path folder;
  std::optional<std::filesystem::path> teacher, student;  ///< model files
  bool resume = false;
  bool keep_lifting = false;
};

/// Trains as `skylift train` and `skylift distill` do, with the run's page. Stopped by StopSignals.
void train(const TrainingCall& call, const ProgressCallback& progress);

struct ExportCall {
  std::filesystem::path model, out;
  int batch = 0, width = 0, height = 0;  ///< 0: any
  bool half = false, decoded = false;
  std::optional<double> score_threshold;  ///< these two: else as in the model's training
  std::optional<int> max_detections;
};

void export_onnx(const ExportCall& call);

/// The names of the recipes that are built in.
std::vector<std::string> recipes();

}  // namespace skylift::python
