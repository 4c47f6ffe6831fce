// skylift data: check, statistics, conversion and splitting of data sets. `data browse` is in browse.cpp.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "apps/run_command.h"
#include "skylift/annotations/check.h"
#include "skylift/annotations/data_write.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/open_data.h"
#include "skylift/annotations/split.h"
#include "skylift/annotations/statistics.h"
#include "skylift/assign/coverage.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"

namespace skylift {
namespace {

struct DataArguments {
  std::string data, json, format, out, config;
  std::string images = "link";
  double share = 0.2;
  uint64_t seed = 0;
};

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// Before anything is written: the SPEC names more than the file.
void check_json(const DataArguments& arguments, const AnnotationSet& set) {
  check_not_same_file(arguments.json, set.source, "--json");
}

void write_result(const DataArguments& arguments, const nlohmann::ordered_json& json) {
  write_json(arguments.json, dump_json(json, 2) + "\n");
}

void check_command(const DataArguments& arguments) {
  const CheckResult result = check_data(arguments.data);
  check_json(arguments, result.set);
  int64_t objects = 0;
  for (const auto& image : result.set.images) objects += static_cast<int64_t>(image.objects.size());
  nlohmann::ordered_json json = {{"format", result.set.format},
                                 {"images", result.set.images.size()},
                                 {"objects", objects},
                                 {"problems", nlohmann::ordered_json::array()}};
  json["notes"] = nlohmann::ordered_json::array();
  for (const auto& [key, list] : {std::pair("problems", &result.problems), std::pair("notes", &result.set.notes)}) {
    for (const auto& [where, what] : *list) json[key].push_back({{"where", where}, {"what", what}});
  }
  if (arguments.json != "-") {
    for (const auto& note : result.set.notes) print(fmt::format("note: {}: {}\n", note.where, note.what));
    for (const auto& problem : result.problems) print(fmt::format("{}: {}\n", problem.where, problem.what));
    print(fmt::format("{} ({}): {} images, {} objects, {} problems\n", arguments.data, result.set.format,
                      result.set.images.size(), objects, result.problems.size()));
  }
  write_result(arguments, json);
  if (!result.problems.empty()) throw Error("{}: {} problems", arguments.data, result.problems.size());
}

/// At the input size, the levels and the assigner of a training config.
std::vector<SizeCoverage> coverage_of(const AnnotationSet& set, const std::string& config) {
  const RunOptions options = read_run_options(config);
  std::vector<int> strides;
  for (int level = options.model.neck.first_level; level <= options.model.neck.last_level; ++level)
    strides.push_back(1 << level);
  return anchor_coverage(set, options.data.input, strides, options.assign);
}

std::string coverage_text(const std::vector<SizeCoverage>& coverage) {
  if (coverage.empty()) return "";
  std::string text =
      "\nsize in the network's input: objects, of them without any positive location (assign.rescue_small gives them "
      "one)\n";
  for (const SizeCoverage& range : coverage) {
    const double share =
        range.objects > 0 ? 100.0 * static_cast<double>(range.uncovered) / static_cast<double>(range.objects) : 0;
    text += fmt::format("  {:<16}{:>9}{:>9}  {:>5.1f} %\n", range.range, range.objects, range.uncovered, share);
  }
  return text;
}

void statistics(const DataArguments& arguments) {
  AnnotationSet set = open_data(arguments.data);
  check_json(arguments, set);
  Problems unreadable;  // statistics of the annotations need no images; `data check` names each
  fill_image_sizes(set, 0, &unreadable);
  if (!unreadable.empty())
    log_warning("{} images without a size, e.g. {}: {}", unreadable.size(), unreadable[0].where, unreadable[0].what);
  const DataStatistics found = data_statistics(set);
  const std::vector<SizeCoverage> coverage =
      arguments.config.empty() ? std::vector<SizeCoverage>() : coverage_of(set, arguments.config);
  auto json = nlohmann::ordered_json::parse(statistics_json(found));
  for (const SizeCoverage& range : coverage) {
    json["coverage"].push_back(
        {{"range", range.range}, {"objects", range.objects}, {"without_location", range.uncovered}});
  }
  if (arguments.json != "-") print(statistics_text(found) + coverage_text(coverage));
  write_result(arguments, json);
}

void convert(const DataArguments& arguments) {
  const ImagePlacement placement = arguments.images == "link"   ? ImagePlacement::link
                                   : arguments.images == "copy" ? ImagePlacement::copy
                                                                : ImagePlacement::none;
  AnnotationSet set = open_data(arguments.data);
  check_json(arguments, set);
  const WriteReport report = write_data(arguments.format, arguments.out, std::move(set), placement);
  nlohmann::ordered_json json = {{"format", arguments.format},
                                 {"folder", report.folder.string()},
                                 {"images", report.images},
                                 {"objects", report.objects},
                                 {"ignored_regions", report.ignored_regions},
                                 {"lost", nlohmann::ordered_json::object()}};
  for (const auto& [what, count] : report.lost) json["lost"][what] = count;
  if (arguments.json != "-") {
    print(fmt::format("{}: {} images, {} objects, {} ignored regions, written as {}\n", report.folder.string(),
                      report.images, report.objects, report.ignored_regions, arguments.format));
    for (const auto& [what, count] : report.lost)
      print(fmt::format("  not held by {}: {} {}\n", arguments.format, count, what));
  }
  write_result(arguments, json);
}

/// Two folders of the data's own format below --out, the images linked.
void split_command(const DataArguments& arguments) {
  const AnnotationSet set = open_data(arguments.data);
  check_json(arguments, set);
  const SplitSet parts = split_by_sequence(set, arguments.share, arguments.seed);
  nlohmann::ordered_json json;
  std::string text;
  for (const auto& [name, part] : {std::pair("fit", &parts.fit), std::pair("tune", &parts.tune)}) {
    const WriteReport report = write_data(set.format, std::filesystem::path(arguments.out) / name, *part);
    json[name] = {{"folder", report.folder.string()}, {"images", report.images}, {"objects", report.objects}};
    text += fmt::format("{}: {} images, {} objects\n", report.folder.string(), report.images, report.objects);
  }
  if (arguments.json != "-") print(text);
  write_result(arguments, json);
}

CLI::App* add(CLI::App& data, const char* name, const char* description, DataArguments& arguments,
              const char* example) {
  CLI::App* command = data.add_subcommand(name, description);
  command
      ->add_option("--data", arguments.data,
                   "COCO FILE.json[:IMAGE_DIR], data.yaml[:SPLIT], or a VisDrone, VOC or UAVDT folder; before it "
                   "format=NAME, forces one, orientation=stored, leaves EXIF's turns, depth=type, scales all 16 bits "
                   "alike")
      ->required();
  command->add_option("--json", arguments.json, "writes the result as JSON; - for stdout");
  command->footer(fmt::format("Example: {}", example));
  return command;
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "checks, describes, converts, splits and shows data sets");
  data->require_subcommand(1);
  const auto arguments = std::make_shared<DataArguments>();

  add(*data, "check", "names each bad file and line; exit status 2 if there is any", *arguments,
      "skylift data check --data VisDrone/val")
      ->callback([arguments] { check_command(*arguments); });
  CLI::App* stats = add(*data, "stats", "classes, sizes, shapes and density", *arguments,
                        "skylift data stats --data VisDrone/train --config configs/visdrone/gfl_r18_student.toml");
  stats->add_option("--config", arguments->config,
                    "also counts the objects that get no positive location under this training config");
  stats->callback([arguments] { statistics(*arguments); });

  CLI::App* command = add(*data, "convert", "writes a data set in another format and says what that cannot hold",
                          *arguments, "skylift data convert --data VisDrone/val --to yolo --out visdrone-yolo");
  command->add_option("--to", arguments->format, "visdrone, coco, voc, yolo or uavdt")
      ->required()
      ->check(CLI::IsMember(data_formats()));
  command->add_option("--out", arguments->out, "a folder that is empty or not there yet")->required();
  command->add_option("--images", arguments->images, "how images get there: link (symbolic links), copy, or none")
      ->check(CLI::IsMember({"link", "copy", "none"}))
      ->capture_default_str();
  command->callback([arguments] { convert(*arguments); });

  CLI::App* cut = add(*data, "split", "cuts a training set into fit/ and tune/ without cutting a sequence", *arguments,
                      "skylift data split --data VisDrone/train --share 0.2 --out visdrone-split");
  cut->add_option("--out", arguments->out, "a folder that is empty or not there yet")->required();
  cut->add_option("--share", arguments->share, "about so much of the images goes to tune/, 0..1")
      ->capture_default_str();
  cut->add_option("--seed", arguments->seed, "of the drawing of sequences")->capture_default_str();
  cut->callback([arguments] { split_command(*arguments); });

  add_browse_command(*data);
}

}  // namespace skylift
