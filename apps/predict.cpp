// skylift predict: images and folders in, detections and pictures out.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "apps/commands.h"
#include "apps/drawing.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/parallel.h"
#include "skylift/formats/detections.h"
#include "skylift/image/codec.h"
#include "skylift/infer/predictor.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

struct PredictArguments {
  std::string model, out, format;
  std::vector<std::string> inputs;
  double score = 0.3;
  int batch = 4;
  bool draw = false;
  DeviceOptions device;
};

bool is_image(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::vector<std::string> known = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"};
  return std::find(known.begin(), known.end(), ending) != known.end();
}

/// Files as given, folders by their images in order of name.
std::vector<fs::path> find_images(const std::vector<std::string>& inputs) {
  std::vector<fs::path> images;
  for (const std::string& input : inputs) {
    if (!fs::exists(input)) throw Error("{}: no such file or folder", input);
    if (!fs::is_directory(input)) {
      images.emplace_back(input);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(input)) {
      if (entry.is_regular_file() && is_image(entry.path())) inside.push_back(entry.path());
    }
    if (inside.empty())
      throw Error("{}: no images in this folder (hint: a data set's images are in its images/ folder)", input);
    std::sort(inside.begin(), inside.end());
    images.insert(images.end(), inside.begin(), inside.end());
  }
  return images;
}

/// The images as a set of their own, so that the writers of detections have names and ids.
AnnotationSet as_set(const std::vector<fs::path>& images, const ModelCard& card) {
  AnnotationSet set;
  set.classes = card.classes;
  for (size_t i = 0; i < card.classes.size(); ++i) set.class_ids.push_back(static_cast<int64_t>(i) + 1);
  for (size_t i = 0; i < images.size(); ++i) {
    ImageRecord record;
    record.file = images[i].filename().string();
    record.id = static_cast<int64_t>(i) + 1;
    set.images.push_back(std::move(record));
  }
  return set;
}

void write_detections(const PredictArguments& arguments, const AnnotationSet& set, const DetectionSet& detections) {
  const fs::path out = arguments.out;
  if (arguments.format == "visdrone") {
    write_visdrone_detections(out / "detections", set, detections);
  } else {
    write_coco_detections(out / "detections.json", set, detections);
  }
}

void predict(const PredictArguments& arguments) {
  const std::vector<fs::path> images = find_images(arguments.inputs);
  Model model = load_model(arguments.model);
  DecodeOptions decode;
  decode.score_threshold = arguments.score;
  const Predictor predictor(std::move(model), decode, open_device(arguments.device));
  const AnnotationSet set = as_set(images, predictor.card());
  DetectionSet detections;
  ProgressBar bar;
  const auto batch_size = static_cast<size_t>(arguments.batch);
  for (size_t begin = 0; begin < images.size(); begin += batch_size) {
    const size_t count = std::min(batch_size, images.size() - begin);
    std::vector<cv::Mat> batch(count);
    parallel_for(count, 0, [&](size_t i) { batch[i] = decode_rgb(images[begin + i]); });
    DetectionSet found = predictor.predict(batch);
    if (arguments.draw) {
      parallel_for(count, 0, [&](size_t i) {
        const fs::path name = images[begin + i].stem().string() + ".jpg";
        write_image(fs::path(arguments.out) / "pictures" / name,
                    with_detections(batch[i], found[i], predictor.card().classes));
      });
    }
    std::move(found.begin(), found.end(), std::back_inserter(detections));
    bar.show({"predict", static_cast<int64_t>(detections.size()), static_cast<int64_t>(images.size()), ""});
  }
  write_detections(arguments, set, detections);
  size_t total = 0;
  for (const auto& list : detections) total += list.size();
  log_info("{} detections in {} images, written to {}", total, images.size(), arguments.out);
}

}  // namespace

void add_predict_command(CLI::App& app) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = app.add_subcommand("predict", "Detect objects in images and folders");
  command->add_option("--model", arguments->model, "a model file")->required()->type_name("MODEL");
  command->add_option("inputs", arguments->inputs, "images and folders of images")->required()->type_name("INPUT");
  command->add_option("--out", arguments->out, "folder for detections and pictures")->required()->type_name("DIR");
  command->add_option("--score", arguments->score, "least confidence of a detection")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--format", arguments->format,
                   "of the detections: coco (detections.json) or visdrone (a text file an image)")
      ->check(CLI::IsMember({"coco", "visdrone"}))
      ->default_val("coco");
  command->add_option("--batch", arguments->batch, "images that go through the network together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--device", arguments->device.device, "cpu, cuda or cuda:N")->capture_default_str();
  command->add_flag("--draw", arguments->draw, "write pictures with the boxes drawn");
  command->footer("Example: skylift predict --model runs/student/best.safetensors DATA/val/images --out out --draw");
  command->callback([arguments] { predict(*arguments); });
}

}  // namespace skylift
