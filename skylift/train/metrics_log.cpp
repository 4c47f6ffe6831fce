#include "skylift/train/metrics_log.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/path_query.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

/// Whether a line was written before the moment that the run goes on from.
bool is_kept(const Json& record, const MetricsMoment& moment) {
  const int64_t step = record.value("step", int64_t{0});
  return step <= (record.value("kind", "") == "eval" ? moment.scored_step : moment.step);
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& folder, const MetricsMoment& moment)
    : path_(folder / "metrics.jsonl") {
  const bool goes_on = moment.step > 0 && is_there(path_);
  std::istringstream lines(goes_on ? read_file(path_) : std::string());
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object()) break;  // a torn last line
    if (!is_kept(record, moment)) continue;
    kept += line + "\n";
    kinds_.insert(record.value("kind", ""));
  }
  write_file(path_, kept);
  stream_.open(path_, std::ios::binary | std::ios::app);
  board_ = std::make_unique<TensorBoardWriter>(folder);
  if (goes_on) board_->goes_on_after(moment.step);
  board_->flush();
}

void MetricsLog::write(const std::string& kind, int64_t step, int64_t epoch, const MetricValues& values) {
  Json record = {{"kind", kind}, {"step", step}, {"epoch", epoch}};
  for (const auto& [name, value] : values) {
    record[name] = value;
    board_->scalar(kind + "/" + name, value, step);
  }
  stream_ << dump_json(record) << "\n" << std::flush;
  if (!stream_) throw Error("{}: cannot write (is the disk full?)", path_.string());
  board_->flush();
  kinds_.insert(kind);
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
