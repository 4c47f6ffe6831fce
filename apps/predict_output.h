// What `skylift predict` writes: detections in the formats of the field, pictures and videos with boxes.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/predict_inputs.h"
#include "skylift/annotations/detections.h"

namespace skylift {

/// coco, visdrone, yolo, csv.
const std::vector<std::string>& prediction_formats();

/// Collects what was found, in order. What is found in a stream, whose end nobody knows, is also written as it comes: a
/// JSON object a line and frame, in NAME.jsonl.
class PredictionWriter {
 public:
  PredictionWriter(std::filesystem::path folder, std::string format, std::vector<std::string> classes);

  void add(const Frame& frame, std::vector<Detection> found);

  /// Writes the detections. With coco also images.json: which file has which id.
  void finish();

  int64_t images() const { return static_cast<int64_t>(set_.images.size()); }
  int64_t detections() const { return count_; }

 private:
  void append_line(const Frame& frame, const std::vector<Detection>& found);

  std::filesystem::path folder_;
  std::string format_;
  AnnotationSet set_;
  DetectionSet detections_;
  int64_t count_ = 0;
  std::map<const PredictInput*, std::ofstream> lines_;
};

/// Drawn frames as they come: a JPEG an image, an .mp4 a video. The JPEGs are made by draw(), from any thread.
class DrawnOutput {
 public:
  DrawnOutput(std::filesystem::path folder, std::vector<std::string> classes);
  ~DrawnOutput();

  /// Draws; writes an image at once, leaves a video's frame in frame.pixels.
  void draw(Frame& frame, const std::vector<Detection>& found) const;

  /// In order: a video's drawn frame, or its end.
  void add(const Frame& frame);

 private:
  std::filesystem::path folder_;
  std::vector<std::string> classes_;
  std::unique_ptr<VideoWriter> video_;
};

}  // namespace skylift
