// What a run writes while it goes: metrics.jsonl (one JSON object a line) and TensorBoard events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>
#include <utility>
#include <vector>

#include "skylift/formats/tensorboard.h"

namespace skylift {

/// Numbers of one moment, in the order they are shown: {"loss", 1.2}, {"lr", 0.01}, ...
using MetricValues = std::vector<std::pair<std::string, double>>;

class MetricsLog {
 public:
  /// Goes on after step `resume_step` (lines of later steps, written before an interruption, are cut off); 0 begins
  /// anew.
  MetricsLog(const std::filesystem::path& folder, int64_t resume_step);

  /// kind: "train" (a step), "eval" (after an epoch) or "teacher". Errors of the disk are thrown at once.
  void write(const std::string& kind, int64_t step, int64_t epoch, const MetricValues& values);

  /// TensorBoard alone.
  void picture(const std::string& tag, const cv::Mat& rgb, int64_t step);
  void options(const std::map<std::string, std::string>& options);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
  std::unique_ptr<TensorBoardWriter> board_;
};

}  // namespace skylift
