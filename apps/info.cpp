// skylift info, skylift models: what a model file holds and what it costs; which backbones there are.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/formats/onnx_metadata.h"
#include "skylift/infer/open_engine.h"
#include "skylift/models/card_text.h"
#include "skylift/models/cost.h"
#include "skylift/models/least_parameters.h"
#include "skylift/models/onnx_card.h"

namespace skylift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct InfoArguments {
  std::string model, size, json;
};

struct InputSize {
  int64_t width = 0, height = 0;
};

struct Report {
  fs::path path;
  std::string form;  ///< of an ONNX file, "raw maps" or "boxes"; empty: a model file
  Model model;
  InputSize input;
  std::vector<PartCost> parts;
  PartCost lifting;
};

/// A model file itself, or a run folder's best model, or its last one.
fs::path model_in(const fs::path& path) {
  if (!is_folder(path)) return path;
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    if (is_there(path / name)) return path / name;
  }
  throw Error(
      "{}: got a folder without best.safetensors or last.safetensors, expected a model file or the folder of a run "
      "that has "
      "saved one",
      path.string());
}

InputSize requested_size(const std::string& text) {
  const WidthHeight size = parse_width_height(text, "--size", 32, 32768);
  return {size.width, size.height};
}

/// The largest input that the preprocessing makes.
InputSize full_size(const Preprocess& preprocess) {
  const auto padded = [&](int64_t side) {
    const int64_t multiple = preprocess.pad_multiple;
    return (side + multiple - 1) / multiple * multiple;
  };
  return {padded(preprocess.long_side), padded(preprocess.short_side)};
}

double giga(int64_t multiply_adds) { return static_cast<double>(multiply_adds) / 1e9; }

std::string lifting_text(const LiftingOptions& lifting) {
  if (!lifting.enabled) return "";
  if (lifting.folded) return ", Light-ML (reconstruction), folded";
  return fmt::format(", Light-ML (reconstruction): {0}x{0} convolutions, {1}{2}", lifting.kernel,
                     lifting.groups == 0 ? "depthwise" : fmt::format("{} group(s)", lifting.groups),
                     lifting.training_only ? ", in training only" : "");
}

std::string architecture_text(const ModelOptions& options) {
  const auto& [backbone, neck, head] = options;
  return fmt::format("GFL: {} of width {}; pyramid P{}..P{} of {} channels; head {} x {} channels, {} bins a side{}",
                     backbone.name, backbone.width, neck.first_level, neck.last_level, neck.channels, head.depth,
                     head.channels, head.reg_max + 1, lifting_text(head.lifting));
}

Json cost_json(const PartCost& cost) {
  return {{"part", cost.part}, {"parameters", cost.parameters}, {"gmacs", giga(cost.multiply_adds)}};
}

/// A model, or the card of an ONNX file with the architecture that it describes.
void open_model(Report& report) {
  if (!is_onnx_file(report.path)) {
    report.model = load_model(report.path);
    return;
  }
  const MappedFile map(report.path);
  const std::string name = report.path.string();
  report.model.card = onnx_card(map.bytes(), name);
  const ModelCard& card = report.model.card;
  const int64_t least = least_parameters(card.options, static_cast<int>(card.classes.size()));
  if (least > static_cast<int64_t>(map.bytes().size()))  // of int8 a byte each
    throw Error("{}: its card tells of at least {} parameters, but the file has {} bytes (is it cut off?)", name, least,
                map.bytes().size());
  report.model.detector = std::make_shared<Detector>(card.options, static_cast<int>(card.classes.size()));
  const auto outputs = onnx_outputs(map.bytes(), name);
  const bool boxes = std::find(outputs.begin(), outputs.end(), "boxes") != outputs.end();
  report.form =
      boxes ? "boxes, from --decoded: for other runtimes, not for predict" : "raw maps: predict, eval and serve run it";
}

/// The card, and the costs.
Json report_json(const Report& report) {
  Json json = {{"file", report.path.string()}, {"architecture", architecture_text(report.model.card.options)}};
  if (!report.form.empty()) json["onnx"] = report.form;
  json.update(parse_json(card_text(report.model.card), report.path.string()));
  const PartCost total = total_cost(report.parts);
  json["input"] = {{"width", report.input.width}, {"height", report.input.height}};
  json["parameters"] = total.parameters;
  json["gmacs"] = giga(total.multiply_adds);
  json["light_ml"] = cost_json(report.lifting);
  json["parts"] = Json::array();
  for (const auto& part : report.parts) json["parts"].push_back(cost_json(part));
  return json;
}

void print_cost(const PartCost& cost) {
  fmt::print("  {:<18} {:>12} {:>10.3f}\n", cost.part, cost.parameters, giga(cost.multiply_adds));
}

void print_costs(const Report& report) {
  fmt::print("cost of one image of {}x{} px (a multiply-add counts once)\n", report.input.width, report.input.height);
  fmt::print("  {:<18} {:>12} {:>10}\n", "part", "parameters", "GMACs");
  for (const auto& part : report.parts) print_cost(part);
  const PartCost total = total_cost(report.parts);
  print_cost(total);
  if (report.model.card.options.head.lifting.enabled) {
    fmt::print("  of which Light-ML adds {} parameters and {:.3f} GMACs ({:.2f} %) to the plain detector\n",
               report.lifting.parameters, giga(report.lifting.multiply_adds),
               100.0 * static_cast<double>(report.lifting.multiply_adds) /
                   static_cast<double>(total.multiply_adds - report.lifting.multiply_adds));
  }
}

void print_report(const Report& report) {
  const ModelCard& card = report.model.card;
  const Preprocess& preprocess = card.preprocess;
  fmt::print("model         {}\n", report.path.string());
  if (!report.form.empty()) fmt::print("ONNX          {}\n", report.form);
  fmt::print("architecture  {}\n", architecture_text(card.options));
  fmt::print("classes       {}: {}\n", card.classes.size(), fmt::join(card.classes, ", "));
  fmt::print(
      "input         long side up to {} px, short side up to {} px, padded to multiples of {}; RGB mean {}, deviation "
      "{}\n",
      preprocess.long_side, preprocess.short_side, preprocess.pad_multiple, fmt::join(preprocess.mean, "/"),
      fmt::join(preprocess.deviation, "/"));
  print_costs(report);
  fmt::print("scores        {}\n", card.scores.empty() ? "none stored" : card.scores);
  if (card.recipe.empty()) return fmt::print("recipe        none stored\n");
  fmt::print("recipe\n");
  for (const auto line : split(card.recipe, '\n')) fmt::print("  {}\n", line);
}

void run_info(const InfoArguments& arguments) {
  Report report;
  report.path = model_in(arguments.model);
  check_not_same_file(arguments.json, report.path, "--json");
  open_model(report);
  report.input = arguments.size.empty() ? full_size(report.model.card.preprocess) : requested_size(arguments.size);
  report.parts = part_costs(*report.model.detector, report.input.height, report.input.width);
  report.lifting = lifting_cost(*report.model.detector, report.input.height, report.input.width);
  if (arguments.json != "-") print_report(report);
  write_json(arguments.json, dump_json(report_json(report), 2) + "\n");
}

void list_models() {
  constexpr int side = 640, classes = 10;
  fmt::print("GFL detectors (Li et al. 2020), backbone.name =\n");
  for (const std::string& name : backbone_names()) {
    ModelOptions options;
    options.backbone.name = name;
    const auto parts = part_costs(Detector(options, classes), side, side);
    PartCost backbone;
    for (const auto& part : parts) {
      if (!part.part.starts_with("backbone")) continue;
      backbone.parameters += part.parameters;
      backbone.multiply_adds += part.multiply_adds;
    }
    const PartCost total = total_cost(parts);
    fmt::print(
        "  {:<18} {:>5.1f} M parameters, {:>6.1f} GMACs; with the default pyramid and head {:>5.1f} M, {:>6.1f} "
        "GMACs\n",
        name, static_cast<double>(backbone.parameters) / 1e6, giga(backbone.multiply_adds),
        static_cast<double>(total.parameters) / 1e6, giga(total.multiply_adds));
  }
  fmt::print(
      "At {0}x{0} px and {1} classes; a multiply-add counts once. Thinner ones: backbone.width, neck.channels, "
      "head.channels, "
      "head.depth (skylift options model).\n",
      side, classes);
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto arguments = std::make_shared<InfoArguments>();
  CLI::App* command =
      app.add_subcommand("info", "Show what a model is: architecture, classes, cost, preprocessing, recipe, scores");
  command->add_option("model", arguments->model, "a model file, an ONNX file that export wrote, or a run's folder")
      ->required();
  command->add_option("--size", arguments->size,
                      "input WIDTHxHEIGHT for the GMACs; default: the largest the preprocessing makes");
  command->add_option("--json", arguments->json, "write the result as JSON; - for stdout");
  command->footer(
      "Examples:\n  skylift info runs/student/best.safetensors\n  skylift info runs/student --size 640x640 --json -");
  command->callback([arguments] { run_info(*arguments); });
}

void add_models_command(CLI::App& app) {
  app.add_subcommand("models", "List the backbones with their parameters and GMACs")->callback(list_models);
}

}  // namespace skylift
