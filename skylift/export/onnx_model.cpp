#include "skylift/export/onnx_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/export/onnx_convert.h"
#include "skylift/export/onnx_detections.h"
#include "skylift/models/card_text.h"

namespace skylift {
namespace {

using Shape = std::vector<std::variant<int64_t, std::string>>;

// Any size that shows a mistake: not square, and small, because the network runs on it.
constexpr int64_t traced_height = 128, traced_width = 192;

void check(const OnnxOptions& options) {
  if (options.batch < 0) throw Error("onnx: batch: got {}, expected at least 0 (0: free)", options.batch);
  const bool free_size = options.height == 0 && options.width == 0;
  if (!free_size && (options.height < 1 || options.width < 1)) {
    throw Error("onnx: size: got {}x{}, expected a width and a height of at least 1 px, or 0x0 for a free size",
                options.width, options.height);
  }
  if (!options.nms) return;
  if (options.nms->candidates < 1 || options.nms->max_detections < 1) {
    throw Error("onnx: got {} candidates and {} detections, expected at least 1 of both", options.nms->candidates,
                options.nms->max_detections);
  }
}

/// A free batch has a name, a fixed one its number.
std::variant<int64_t, std::string> batch_of(const OnnxOptions& options) {
  if (options.batch > 0) return int64_t{options.batch};
  return "batch";
}

Shape map_shape(const OnnxOptions& options, int64_t channels, const at::Tensor& traced, int stride) {
  Shape shape = {batch_of(options), channels};
  if (options.height > 0) return {shape[0], channels, traced.size(2), traced.size(3)};
  const std::string divisor = stride == 1 ? "" : fmt::format("/{}", stride);
  return {shape[0], channels, "height" + divisor, "width" + divisor};
}

OnnxValue images_value(const OnnxOptions& options) {
  if (options.height > 0) return {"images", at::kFloat, {batch_of(options), 3, options.height, options.width}};
  return {"images", at::kFloat, {batch_of(options), 3, "height", "width"}};
}

/// The maps in float, whatever the network computes in.
std::vector<OnnxLevel> float_levels(OnnxGraph& graph, std::vector<OnnxLevel> levels, bool half) {
  if (!half) return levels;
  for (auto& level : levels) {
    for (std::string* map : {&level.cls_logits, &level.box_logits}) {
      *map = graph.add("Cast", {*map}, *map + ".float", {{"to", int64_t{1}}});
    }
  }
  return levels;
}

void add_logits(OnnxGraph& graph, const OnnxOptions& options, const std::vector<OnnxLevel>& levels,
                const DenseOutput& traced) {
  for (size_t i = 0; i < levels.size(); ++i) {
    const int stride = traced.strides[i];
    const auto add = [&](const char* name, const std::string& value, const at::Tensor& map) {
      graph.add_output(value,
                       {fmt::format("{}_{}", name, stride), at::kFloat, map_shape(options, map.size(1), map, stride)});
    };
    add("cls_logits", levels[i].cls_logits, traced.levels[i].cls_logits);
    add("box_logits", levels[i].box_logits, traced.levels[i].box_logits);
  }
}

void add_boxes(OnnxGraph& graph, const OnnxOptions& options, const std::vector<OnnxLevel>& levels, const Trace& trace) {
  const std::string content = graph.add_input({"content_size", at::kFloat, {batch_of(options), 2}});
  const OnnxGrid grid{trace.output.strides, trace.detector->class_count(), trace.output.reg_max};
  add_detections(graph, levels, grid, content, *options.nms, batch_of(options));
}

void add_metadata(OnnxGraph& graph, const Model& model, const Trace& trace, const OnnxOptions& options) {
  ModelCard card = model.card;
  card.options = trace.detector->options();  // Light-ML is folded
  if (options.height == 0) card.preprocess.pad_multiple = std::lcm(card.preprocess.pad_multiple, onnx_size_multiple);
  const std::string text = card_text(card);
  graph.metadata[model_card_key] = text;
  graph.metadata["classes"] = dump_json(nlohmann::json(card.classes));
  graph.metadata["preprocess"] = dump_json(nlohmann::ordered_json::parse(text).at("preprocess"));
  graph.metadata["strides"] = dump_json(nlohmann::json(trace.output.strides));
  graph.metadata["size_multiple"] = std::to_string(options.height > 0 ? 1 : onnx_size_multiple);
  graph.metadata["form"] = options.nms ? "decoded" : "raw";
  graph.metadata["precision"] = options.half ? "fp16" : "fp32";
  graph.metadata["recipe"] = card.recipe;
}

void fit_into(Preprocess& preprocess, const OnnxOptions& options) {
  if (options.width == 0) return;
  const int long_side = std::min(preprocess.long_side, std::max(options.width, options.height));
  const int short_side = std::min(preprocess.short_side, std::min(options.width, options.height));
  if (long_side == preprocess.long_side && short_side == preprocess.short_side) return;
  log_info("size: the file's images are scaled to {}x{} px, the model's to {}x{}", long_side, short_side,
           preprocess.long_side, preprocess.short_side);
  preprocess.long_side = long_side;
  preprocess.short_side = short_side;
}

}  // namespace

Model load_for_onnx(const std::filesystem::path& file, const std::filesystem::path& out, const OnnxOptions& options) {
  check_not_same_file(out, file, "--out");
  check(options);
  Model model = load_model(file);
  fit_into(model.card.preprocess, options);
  return model;
}

std::string onnx_model(const Model& model, const OnnxOptions& options) {
  check(options);
  const bool free_size = options.height == 0;
  const Trace traced =
      trace(*model.detector, free_size ? traced_height : options.height, free_size ? traced_width : options.width);
  OnnxGraph graph;
  std::string images = graph.add_input(images_value(options));
  if (options.half) images = graph.add("Cast", {images}, "images.half", {{"to", int64_t{10}}});
  const auto type = options.half ? at::kHalf : at::kFloat;
  const auto levels =
      float_levels(graph, OnnxConverter(graph, traced, images, type, free_size).convert(), options.half);
  if (options.nms) {
    add_boxes(graph, options, levels, traced);
  } else {
    add_logits(graph, options, levels, traced.output);
  }
  add_metadata(graph, model, traced, options);
  return graph.serialised("A detector exported by Skylift: what it takes and gives stands in the metadata");
}

}  // namespace skylift
