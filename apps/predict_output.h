// What `skylift predict` writes: detections in the formats of the field, pictures and videos with boxes.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/frame_source.h"
#include "apps/predict_inputs.h"
#include "skylift/annotations/detections.h"
#include "skylift/annotations/image_finder.h"

namespace skylift {

/// coco, visdrone, yolo, csv.
const std::vector<std::string>& prediction_formats();

/// What the classes of a model are called in its results.
struct ClassNames {
  std::vector<std::string> names;  ///< of the results
  std::vector<int> place;          ///< of each of the model's classes among them; -1: left out
};

/// `map`: "FROM=TO" renames a class, "FROM=" leaves its detections out; the others keep their names. Error: FROM is
/// none of the classes, or named twice.
ClassNames map_classes(const std::vector<std::string>& classes, const std::vector<std::string>& map);

/// Error: classes that VisDrone has no number for.
void check_visdrone_names(const std::vector<std::string>& names);

struct PredictionOptions {
  std::filesystem::path folder;
  std::string format;
  std::vector<std::string> map;
  std::string ids_from;  ///< SPEC of the ground truth whose ids the results have; empty: numbered from 1
  double nms_iou = 0.6;  ///< the model's: where `map` joins classes, their boxes of one object become one by it
};

/// Collects what was found, in order. What is found in a stream, whose end nobody knows, is also written as it comes: a
/// JSON object a line and frame, in NAME.jsonl.
class PredictionWriter {
 public:
  /// Error: a class or an image that has no number in the format or in the ground truth.
  PredictionWriter(PredictionOptions options, const std::vector<std::string>& classes,
                   const std::vector<PredictInput>& inputs);

  /// Of the model's classes those that are in the results, as classes() has them; where several have become one, by NMS
  /// again. From any thread.
  std::vector<Detection> as_results(std::vector<Detection> found) const;

  /// `found`: as_results().
  void add(const Frame& frame, std::vector<Detection> found);

  /// Writes the detections, and beside them what every format lacks: images.json has the id, name, size and source of
  /// each image and the file of its detections, classes.txt the names of YOLO's numbers. What an earlier run wrote into
  /// the folder and this one does not is removed.
  void finish();

  int64_t images() const { return static_cast<int64_t>(set_.images.size()); }
  int64_t detections() const { return count_; }
  const std::vector<std::string>& classes() const { return set_.classes; }

 private:
  void take_ids(const std::vector<PredictInput>& inputs);
  size_t image_of_truth(const std::string& source, const std::string& file) const;
  void append_line(const Frame& frame, const std::vector<Detection>& found);
  std::set<std::string> write_images() const;

  PredictionOptions options_;
  ClassNames classes_;
  AnnotationSet truth_;
  std::optional<ImageFinder> finder_;  ///< in truth_
  AnnotationSet set_;
  std::vector<std::string> sources_;  ///< parallel to set_.images
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

  /// Keeps a video whose input ended in its midst, by a signal say.
  void finish();

 private:
  std::filesystem::path folder_;
  std::vector<std::string> classes_;
  std::unique_ptr<VideoWriter> video_;
};

}  // namespace skylift
