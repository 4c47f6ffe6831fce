#include "apps/predict_output.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>

#include "apps/drawing.h"
#include "apps/predict_folder.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/infer/merge.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// Whether two classes of the model are one in the results: both may have found the same object.
bool joins_classes(const std::vector<int>& place) {
  std::set<int> seen;
  return std::any_of(place.begin(), place.end(), [&](int one) { return one >= 0 && !seen.insert(one).second; });
}

}  // namespace

const std::vector<std::string>& prediction_formats() {
  static const std::vector<std::string> formats = {"coco", "visdrone", "yolo", "csv"};
  return formats;
}

ClassNames map_classes(const std::vector<std::string>& classes, const std::vector<std::string>& map) {
  const auto renamed = parse_renames(map, classes, "--map", "the model");
  ClassNames result;
  for (const std::string& name : classes) {
    const auto found = renamed.find(name);
    const std::string& wanted = found == renamed.end() ? name : found->second;
    const auto known = std::find(result.names.begin(), result.names.end(), wanted);
    result.place.push_back(wanted.empty() ? -1 : static_cast<int>(known - result.names.begin()));
    if (!wanted.empty() && known == result.names.end()) result.names.push_back(wanted);
  }
  return result;
}

void check_visdrone_names(const std::vector<std::string>& names) {
  const auto& known = visdrone_classes();
  std::vector<std::string> lacking;
  for (const std::string& name : names) {
    if (name != "others" && std::find(known.begin(), known.end(), name) == known.end())
      lacking.push_back(fmt::format("'{}'", name));
  }
  if (lacking.empty()) return;
  throw Error(
      "--format visdrone: it has no number for {}, only for {} and others (hint: --map FROM=TO renames a class, --map "
      "FROM= leaves it out)",
      fmt::join(lacking, ", "), fmt::join(known, ", "));
}

PredictionWriter::PredictionWriter(PredictionOptions options, const std::vector<std::string>& classes,
                                   const std::vector<PredictInput>& inputs)
    : options_(std::move(options)), classes_(map_classes(classes, options_.map)) {
  set_.classes = classes_.names;
  for (size_t i = 0; i < set_.classes.size(); ++i) set_.class_ids.push_back(static_cast<int64_t>(i) + 1);
  if (options_.format == "visdrone") check_visdrone_names(set_.classes);
  if (!options_.ids_from.empty()) take_ids(inputs);
}

void PredictionWriter::take_ids(const std::vector<PredictInput>& inputs) {
  if (options_.format != "coco") throw Error("--ids-from: only --format coco has ids, got {}", options_.format);
  truth_ = open_data(options_.ids_from);
  finder_.emplace(truth_, ImageFinder::By::name);
  std::map<size_t, std::string> taken;
  for (const PredictInput& input : inputs) {
    if (input.video) continue;
    const auto [other, is_new] = taken.emplace(image_of_truth(input.source, input.file), input.source);
    if (!is_new) {
      throw Error("{}: {} and {} would both be {} of it", options_.ids_from, other->second, input.source,
                  truth_.images[other->first].file);
    }
  }
  std::vector<std::string> unknown;
  for (int& place : classes_.place) {
    if (place < 0) continue;
    const std::string& name = classes_.names[static_cast<size_t>(place)];
    const auto found = std::find(truth_.classes.begin(), truth_.classes.end(), name);
    if (found == truth_.classes.end()) unknown.push_back(name);
    place = found == truth_.classes.end() ? -1 : static_cast<int>(found - truth_.classes.begin());
  }
  set_.classes = truth_.classes;
  set_.class_ids = truth_.class_ids;
  if (unknown.empty()) return;
  const std::string names = fmt::format("{}", fmt::join(unknown, ", "));
  if (unknown.size() == classes_.names.size()) {
    throw Error("{}: no class in common: the model finds {}, the data set names {} (hint: --map FROM=TO renames one)",
                options_.ids_from, names, fmt::join(truth_.classes, ", "));
  }
  log_warning("{}: has no class {}: left out of the results (--map FROM=TO renames one)", options_.ids_from, names);
}

size_t PredictionWriter::image_of_truth(const std::string& source, const std::string& file) const {
  auto found = finder_->find(fs::absolute(source).string());
  if (found.empty()) found = finder_->find(file);
  if (found.size() == 1) return found[0];
  if (found.empty()) throw Error("{}: no image {} in it, expected one for each input", options_.ids_from, source);
  throw Error("{}: {} may be {} or {} of it", options_.ids_from, source, truth_.images[found[0]].file,
              truth_.images[found[1]].file);
}

std::vector<Detection> PredictionWriter::as_results(std::vector<Detection> found) const {
  for (Detection& detection : found) detection.class_index = classes_.place[static_cast<size_t>(detection.class_index)];
  std::erase_if(found, [](const Detection& detection) { return detection.class_index < 0; });
  if (!joins_classes(classes_.place)) return found;
  MergeOptions nms;
  nms.method = "nms";
  nms.metric = "iou";
  nms.threshold = options_.nms_iou;
  return merge_detections(found, nms, static_cast<int>(found.size()));
}

void PredictionWriter::add(const Frame& frame, std::vector<Detection> found) {
  ImageRecord record;
  record.file = frame.file();
  record.id = images() + 1;
  if (finder_) {
    const ImageRecord& known =
        truth_.images[image_of_truth(frame.number > 0 ? record.file : frame.input->source, record.file)];
    record.file = known.file;
    record.id = known.id;
    record.id_text = known.id_text;
  }
  record.width = frame.pixels.cols;
  record.height = frame.pixels.rows;
  set_.images.push_back(std::move(record));
  sources_.push_back(without_password(frame.input->source));
  count_ += static_cast<int64_t>(found.size());
  if (frame.input->live) append_line(frame, found);
  detections_.push_back(std::move(found));
}

void PredictionWriter::append_line(const Frame& frame, const std::vector<Detection>& found) {
  const fs::path path = options_.folder / (frame.input->name + ".jsonl");
  std::ofstream& lines = lines_[frame.input];
  if (!lines.is_open()) {
    make_folder(path.parent_path());
    lines.open(path, std::ios::binary);
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Detection& detection : found) {
    const BoxXywh& box = detection.box;
    list.push_back({{"class", set_.classes[static_cast<size_t>(detection.class_index)]},
                    {"score", detection.score},
                    {"bbox", {box.x, box.y, box.w, box.h}}});
  }
  const nlohmann::ordered_json line = {
      {"file_name", set_.images.back().file}, {"frame", frame.number}, {"detections", list}};
  lines << dump_json(line) << "\n" << std::flush;
  if (!lines) throw Error("{}: cannot write (is the disk full?)", path.string());
}

void PredictionWriter::finish() {
  const fs::path& folder = options_.folder;
  const std::set<std::string> earlier = earlier_results(folder);
  if (options_.format == "visdrone") {
    write_visdrone_detections(folder / "detections", set_, detections_);
  } else if (options_.format == "yolo") {
    write_yolo_detections(folder / "labels", set_, detections_);
    write_file(folder / "classes.txt", fmt::format("{}\n", fmt::join(set_.classes, "\n")));
  } else if (options_.format == "csv") {
    write_csv_detections(folder / "detections.csv", set_, detections_);
  } else {
    write_coco_detections(folder / "detections.json", set_, detections_);
  }
  remove_earlier_results(folder, earlier, write_images());
}

std::set<std::string> PredictionWriter::write_images() const {
  using Json = nlohmann::ordered_json;
  Json images = Json::array();
  std::set<std::string> files;
  const std::vector<std::string> stems = distinct_stems(image_files(set_));
  for (size_t i = 0; i < set_.images.size(); ++i) {
    const ImageRecord& image = set_.images[i];
    images.push_back({{"id", image.id},
                      {"file_name", image.file},
                      {"width", image.width},
                      {"height", image.height},
                      {"source", sources_[i]},
                      {"detections", *files.insert(result_file(options_.format, stems[i])).first}});
  }
  write_file(options_.folder / kImagesFile, dump_json(images, 0) + "\n");
  return files;
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
    finish();
  } else if (frame.number > 0 && !frame.pixels.empty()) {
    if (!video_)
      video_ = std::make_unique<VideoWriter>(folder_ / (frame.input->name + ".mp4"), frame.pixels.size(), frame.fps);
    video_->write(frame.pixels);
  }
}

void DrawnOutput::finish() {
  if (video_) video_->finish();
  video_.reset();
}

}  // namespace skylift
