// What a run writes while it goes: metrics.jsonl (one JSON object a line) and TensorBoard events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "skylift/formats/tensorboard.h"

namespace skylift {

/// Numbers of one moment, in the order they are shown: {"loss", 1.2}, {"lr", 0.01}, ...
using MetricValues = std::vector<std::pair<std::string, double>>;

/// Where a run goes on: what was written after it, before an interruption, is cut off. The evaluation of the last step
/// may be still to do.
struct MetricsMoment {
  int64_t step = 0;  ///< 0: begins anew
  int64_t scored_step = 0;
};

class MetricsLog {
 public:
  MetricsLog(const std::filesystem::path& folder, const MetricsMoment& moment);

  /// kind: "train" (a step), "eval" (after an epoch) or "teacher". Errors of the disk are thrown at once.
  void write(const std::string& kind, int64_t step, int64_t epoch, const MetricValues& values);

  /// TensorBoard alone.
  void picture(const std::string& tag, const cv::Mat& rgb, int64_t step);
  void options(const std::map<std::string, std::string>& options);

  /// Whether a line of this kind is there.
  bool holds(const std::string& kind) const { return kinds_.contains(kind); }

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
  std::unique_ptr<TensorBoardWriter> board_;
  std::set<std::string> kinds_;
};

}  // namespace skylift
