#include "apps/predict_output.h"

#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>

#include "apps/drawing.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace fs = std::filesystem;

const std::vector<std::string>& prediction_formats() {
  static const std::vector<std::string> formats = {"coco", "visdrone", "yolo", "csv"};
  return formats;
}

PredictionWriter::PredictionWriter(fs::path folder, std::string format, std::vector<std::string> classes)
    : folder_(std::move(folder)), format_(std::move(format)) {
  set_.classes = std::move(classes);
  for (size_t i = 0; i < set_.classes.size(); ++i) set_.class_ids.push_back(static_cast<int64_t>(i) + 1);
}

void PredictionWriter::add(const Frame& frame, std::vector<Detection> found) {
  ImageRecord record;
  record.file = frame.file();
  if (frame.number > 0) record.file += ".jpg";  // the name it would have as an image
  record.id = images() + 1;
  record.width = frame.pixels.cols;
  record.height = frame.pixels.rows;
  set_.images.push_back(std::move(record));
  count_ += static_cast<int64_t>(found.size());
  if (frame.input->live) append_line(frame, found);
  detections_.push_back(std::move(found));
}

void PredictionWriter::append_line(const Frame& frame, const std::vector<Detection>& found) {
  const fs::path path = folder_ / (frame.input->name + ".jsonl");
  std::ofstream& lines = lines_[frame.input];
  if (!lines.is_open()) lines.open(path, std::ios::binary);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Detection& detection : found) {
    const BoxXywh& box = detection.box;
    list.push_back({{"class", set_.classes[static_cast<size_t>(detection.class_index)]},
                    {"score", detection.score},
                    {"bbox", {box.x, box.y, box.w, box.h}}});
  }
  const nlohmann::ordered_json line = {{"file_name", frame.file()}, {"frame", frame.number}, {"detections", list}};
  lines << dump_json(line) << "\n" << std::flush;
  if (!lines) throw Error("{}: cannot write (is the disk full?)", path.string());
}

void PredictionWriter::finish() {
  if (format_ == "visdrone") {
    write_visdrone_detections(folder_ / "detections", set_, detections_);
  } else if (format_ == "yolo") {
    write_yolo_detections(folder_ / "labels", set_, detections_);
  } else if (format_ == "csv") {
    write_csv_detections(folder_ / "detections.csv", set_, detections_);
  } else {
    write_coco_detections(folder_ / "detections.json", set_, detections_);
    nlohmann::ordered_json images = nlohmann::ordered_json::array();
    for (const ImageRecord& image : set_.images)
      images.push_back({{"id", image.id}, {"file_name", image.file}, {"width", image.width}, {"height", image.height}});
    write_file(folder_ / "images.json", dump_json(images, 0) + "\n");
  }
}

DrawnOutput::DrawnOutput(fs::path folder, std::vector<std::string> classes)
    : folder_(std::move(folder)), classes_(std::move(classes)) {}

DrawnOutput::~DrawnOutput() = default;

void DrawnOutput::draw(Frame& frame, const std::vector<Detection>& found) const {
  if (frame.pixels.empty()) return;
  if (frame.bgr) cv::cvtColor(frame.pixels, frame.pixels, cv::COLOR_BGR2RGB);
  frame.bgr = false;
  const cv::Mat picture = with_detections(frame.pixels, found, classes_);
  if (frame.number == 0) {
    write_image(folder_ / (frame.input->name + ".jpg"), picture);
  } else {
    cv::cvtColor(picture, frame.pixels, cv::COLOR_RGB2BGR);
    frame.bgr = true;
  }
}

void DrawnOutput::add(const Frame& frame) {
  if (frame.last_of_video) {
    if (video_) video_->finish();
    video_.reset();
  } else if (frame.number > 0 && !frame.pixels.empty()) {
    if (!video_)
      video_ = std::make_unique<VideoWriter>(folder_ / (frame.input->name + ".mp4"), frame.pixels.size(), frame.fps);
    video_->write(frame.pixels);
  }
}

}  // namespace skylift
