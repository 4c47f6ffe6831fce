// skylift import: weights of other projects, with a report of what became of each tensor.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/json_output.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"
#include "skylift/models/backbone_origin.h"
#include "skylift/models/backbone_weights.h"
#include "skylift/models/import_mmdet.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

struct ImportArguments {
  std::string from, file, out, key, classes, json;
};

/// What both kinds of import have to tell.
struct Imported {
  std::string what;  ///< "backbone resnet18"
  std::string use;   ///< how the written file is used
  ImportReport report;
};

std::vector<std::string> class_names(const std::string& text) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  for (const auto name : split(text, ',')) {
    if (name.empty()) throw Error("--classes: got an empty name in '{}', expected names with commas between", text);
    names.emplace_back(name);
  }
  return names;
}

Imported import_detector(const ForeignFile& file, const ImportArguments& arguments) {
  ImportedModel imported = import_mmdet(file, class_names(arguments.classes));
  const ModelOptions& options = imported.model.card.options;
  save_model(arguments.out, *imported.model.detector, imported.model.card);
  return {fmt::format("GFL with {}; pyramid P{}..P{} of {} channels; head {} x {} channels, {} bins a side; {} classes",
                      options.backbone.name, options.neck.first_level, options.neck.last_level, options.neck.channels,
                      options.head.depth, options.head.channels, options.head.reg_max + 1,
                      imported.model.card.classes.size()),
          "a model: predict, eval, export, or the --teacher of distill", std::move(imported.report)};
}

Imported import_network(const ForeignFile& file, const ImportArguments& arguments) {
  if (!arguments.classes.empty()) throw Error("--classes: a backbone has no classes; only --from mmdet takes them");
  ImportedBackbone imported = import_backbone(file);
  const bool lite = imported.name.starts_with("efficientnet_lite");
  const std::string from = file.timm ? "timm" : lite ? "efficientnet-lite" : "torchvision";
  const bool same_names = from == "torchvision" && arguments.from == "timm";  // of their ResNets
  if (from != arguments.from && !same_names)
    throw Error("{}: holds {}, which is imported with --from {}", arguments.file, imported.name, from);
  write_backbone(arguments.out, imported);
  return {"backbone " + imported.name,
          fmt::format("--set model.backbone.name={} --set model.backbone.weights={}", imported.name, arguments.out),
          std::move(imported.report)};
}

std::string source_text(const ForeignFile& file) {
  std::string text = fmt::format("{} tensors", file.tensors.size());
  if (!file.state.key.empty()) text += fmt::format(" under '{}'", file.state.key);
  if (!file.state.prefix.empty()) text += fmt::format(", '{}' taken off their names", file.state.prefix);
  if (!file.state.others.empty()) {
    text += fmt::format("; also there, not taken (--key): {}", fmt::join(file.state.others, ", "));
  }
  return text;
}

/// "fc.weight, fc.bias" by reason; long lists are cut, the JSON has them whole.
void print_passed_over(const ImportReport& report) {
  constexpr size_t shown = 6;
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& [name, reason] : report.passed_over) by_reason[reason].push_back(name);
  for (auto& [reason, names] : by_reason) {
    const size_t count = names.size();
    if (count > shown) names.resize(shown);
    fmt::print("  {:>4}  {}: {}{}\n", count, reason, fmt::join(names, ", "), count > shown ? ", ..." : "");
  }
}

void print_report(const ForeignFile& file, const Imported& imported, const ImportArguments& arguments) {
  const ImportReport& report = imported.report;
  fmt::print("read         {}: {}\n", arguments.file, source_text(file));
  fmt::print("holds        {}\n", imported.what);
  fmt::print("matched      {} tensors\n", report.matched.size());
  fmt::print("passed over  {} tensors\n", report.passed_over.size());
  print_passed_over(report);
  if (!file.state.skipped.empty()) {
    fmt::print("no tensors   {} entries: {}\n", file.state.skipped.size(), fmt::join(file.state.skipped, ", "));
  }
  if (!report.absent.empty()) {
    fmt::print("absent       {} of the network's tensors, which will start at random: {}\n", report.absent.size(),
               layer_summary(report.absent));
  }
  for (const auto& note : report.notes) fmt::print("note         {}\n", note);
  fmt::print("written      {}\nuse          {}\n", arguments.out, imported.use);
}

Json report_json(const ForeignFile& file, const Imported& imported, const ImportArguments& arguments) {
  Json json = {{"file", arguments.file},     {"from", arguments.from}, {"out", arguments.out},
               {"holds", imported.what},     {"key", file.state.key},  {"other_keys", file.state.others},
               {"prefix", file.state.prefix}};
  json["matched"] = Json::array();
  for (const auto& [from, to] : imported.report.matched) json["matched"].push_back({{"from", from}, {"to", to}});
  json["passed_over"] = Json::array();
  for (const auto& [name, reason] : imported.report.passed_over) {
    json["passed_over"].push_back({{"name", name}, {"reason", reason}});
  }
  json["not_tensors"] = file.state.skipped;
  json["absent"] = imported.report.absent;
  json["notes"] = imported.report.notes;
  return json;
}

void run_import(const ImportArguments& arguments) {
  check_not_same_file(arguments.out, arguments.file, "--out");
  check_not_same_file(arguments.json, arguments.file, "--json");
  ForeignFile file = read_foreign(arguments.file, arguments.key);
  if (arguments.from == "mmdet") {
    enter_network(file, detector_prefixes(file.tensors));
  } else {
    enter_backbone(file);
  }
  const Imported imported =
      arguments.from == "mmdet" ? import_detector(file, arguments) : import_network(file, arguments);
  const Json json = report_json(file, imported, arguments);
  if (arguments.json != "-") print_report(file, imported, arguments);
  write_json(arguments.json, dump_json(json, 2) + "\n");
}

}  // namespace

void add_import_command(CLI::App& app) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command =
      app.add_subcommand("import", "Take over weights of other projects: backbones, and detectors of mmdetection");
  command
      ->add_option("file", arguments->file, "PyTorch checkpoint (either format; nothing in it is run) or safetensors")
      ->required();
  command->add_option("--from", arguments->from, "whose names the tensors have")
      ->required()
      ->check(CLI::IsMember({"torchvision", "mmdet", "efficientnet-lite", "timm"}));
  command->add_option("--out", arguments->out, "safetensors file to write")->required();
  command->add_option("--key", arguments->key,
                      "which state dict or network of a file that has several, e.g. ema_state_dict or student");
  command->add_option("--classes", arguments->classes, "names of a detector's classes, with commas between");
  command->add_option("--json", arguments->json, "write the report as JSON; - for stdout");
  command->footer(
      "Examples:\n"
      "  skylift import --from torchvision resnet18-f37072fd.pth --out resnet18.safetensors\n"
      "  skylift import --from mmdet gfl_r101_fpn_ms-2x_coco.pth --out teacher.safetensors\n"
      "  skylift import --from efficientnet-lite efficientnet-lite0-57934424.pth --out lite0.safetensors\n"
      "  skylift import --from timm tf_efficientnet_lite0.safetensors --out lite0.safetensors\n"
      "A backbone goes into model.backbone.weights; scripts/fetch-weights.sh gets EfficientNet-Lite's and imports it.");
  command->callback([arguments] { run_import(*arguments); });
}

}  // namespace skylift
