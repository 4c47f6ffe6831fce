// skylift data browse: samples drawn as the training sees them, after all augmentation, with boxes and ignored areas.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <opencv2/core/types.hpp>

#include "apps/commands.h"
#include "apps/progress_bar.h"
#include "apps/run_command.h"
#include "skylift/annotations/image_finder.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/data/dataset.h"
#include "skylift/data/geometry.h"
#include "skylift/data/sample_source.h"
#include "skylift/image/codec.h"
#include "skylift/image/draw.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

struct BrowseArguments {
  std::string data, config, out;
  std::vector<std::string> assignments;
  int count = 16;
  uint64_t seed = 0;
  bool plain = false;
};

cv::Mat drawn(const Sample& sample, const std::vector<std::string>& classes) {
  cv::Mat picture = sample.rgb.clone();
  std::vector<cv::Rect2f> ignored;
  for (const auto& box : sample.ignored) ignored.push_back(to_rect(box));
  draw_ignored(picture, ignored);
  std::vector<DrawnBox> boxes;
  for (const auto& object : sample.boxes)
    boxes.push_back({to_rect(object.box), object.label, classes[static_cast<size_t>(object.label)]});
  draw_boxes(picture, boxes, {.min_labelled_px = 28});
  return picture;
}

constexpr const char* kMark = ".skylift-browse";  ///< in a folder of an earlier browse, whose pictures are replaced

/// Somebody's images may have the names of our pictures.
void check_folder(const fs::path& out) {
  if (is_there(out) && !is_file(out / kMark) && (!is_folder(out) || !fs::is_empty(out)))
    throw Error("--out {}: not empty, and not the folder of an earlier browse (hint: another --out)", out.string());
}

/// What the picture of each image is called. Error: one would be outside of `out`.
std::vector<std::string> picture_names(const AnnotationSet& set, const fs::path& out) {
  std::vector<std::string> names = distinct_stems(without_common_folders(image_files(set)));
  for (const std::string& name : names) {
    if (!stays_inside(name)) throw Error("{}: {} leads out of --out {}", set.source.string(), name, out.string());
  }
  return names;
}

void browse(const BrowseArguments& arguments) {
  DataOptions options = read_run_options(arguments.config, arguments.assignments).data;
  if (!arguments.data.empty()) options.train = arguments.data;
  const Dataset dataset = open_training_set(options);
  const SampleSource source = training_source(dataset, options);
  const int64_t count = std::min<int64_t>(arguments.count, dataset.size());
  const fs::path out = arguments.out;
  check_folder(out);
  const std::vector<std::string> names = picture_names(dataset.annotations(), out);
  write_file(out / kMark, "");
  std::vector<Picture> sheet;
  ProgressBar bar;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = i * dataset.size() / count;  // spread over the set
    const Sample sample = arguments.plain ? dataset.get(index)
                                          : source(index, Rng::of({arguments.seed, 0, static_cast<uint64_t>(index)}));
    const std::string& name = names[dataset.record_index(index)];
    const cv::Mat picture = drawn(sample, dataset.classes());
    write_image(out / (name + ".jpg"), picture);
    if (sheet.size() < 12)
      sheet.push_back(
          {picture, fmt::format("{}: {} objects, {} ignored", name, sample.boxes.size(), sample.ignored.size())});
    bar.show({"browse", i + 1, count, ""});
  }
  write_image(out / "sheet.png", tile_pictures(sheet, 3));
  log_info("{} samples drawn into {}; the first {} are together in sheet.png", count, arguments.out, sheet.size());
}

}  // namespace

void add_browse_command(CLI::App& data_command) {
  auto arguments = std::make_shared<BrowseArguments>();
  CLI::App* command = data_command.add_subcommand("browse", "Draw samples as the training sees them");
  command->add_option("--data", arguments->data, "a data set SPEC; default: data.train of the config");
  command->add_option("--config", arguments->config, "a TOML file or the name of a recipe, for its data.* options");
  command->add_option("--set", arguments->assignments, "key=value on top of the config, e.g. data.augment.tile_px=640");
  command->add_option("--out", arguments->out, "folder for the pictures")->required()->type_name("DIR");
  command->add_option("--count", arguments->count, "how many samples, spread over the set")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the augmentation")->capture_default_str();
  command->add_flag("--plain", arguments->plain, "the images as they are stored, without resizing and augmentation");
  command->footer("Example: skylift data browse --data VisDrone/train --out browse --set data.augment.crop_px=640");
  command->callback([arguments] { browse(*arguments); });
}

}  // namespace skylift
