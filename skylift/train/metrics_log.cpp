#include "skylift/train/metrics_log.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

/// The lines up to the step that the run goes on from.
std::string lines_until(const std::filesystem::path& path, int64_t step) {
  std::istringstream lines(read_file(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_discarded() || record.value("step", int64_t{0}) > step) break;  // a torn last line ends it too
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& folder, int64_t resume_step) : path_(folder / "metrics.jsonl") {
  const bool goes_on = resume_step > 0 && std::filesystem::exists(path_);
  write_file(path_, goes_on ? lines_until(path_, resume_step) : std::string());
  stream_.open(path_, std::ios::binary | std::ios::app);
  board_ = std::make_unique<TensorBoardWriter>(folder);
}

void MetricsLog::write(const std::string& kind, int64_t step, int64_t epoch, const MetricValues& values) {
  nlohmann::ordered_json record = {{"kind", kind}, {"step", step}, {"epoch", epoch}};
  for (const auto& [name, value] : values) {
    record[name] = value;
    board_->scalar(kind + "/" + name, value, step);
  }
  stream_ << dump_json(record) << "\n" << std::flush;
  board_->flush();
  if (!stream_) throw Error("{}: cannot write (is the disk full?)", path_.string());
}

void MetricsLog::picture(const std::string& tag, const cv::Mat& rgb, int64_t step) {
  board_->picture(tag, encode_jpeg(rgb, 90), rgb.cols, rgb.rows, step);
  board_->flush();
}

void MetricsLog::options(const std::map<std::string, std::string>& options) {
  board_->hyper_parameters(options);
  board_->flush();
}

}  // namespace skylift
