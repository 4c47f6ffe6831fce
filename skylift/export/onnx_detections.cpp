#include "skylift/export/onnx_detections.h"

#include <ATen/Functions.h>
#include <fmt/core.h>

namespace skylift {
namespace {

const OnnxAttributes to_float = {{"to", int64_t{1}}};
const OnnxAttributes to_int64 = {{"to", int64_t{7}}};

/// (location, class) pairs: names of values [B,4,K], [B,K], [B,K].
struct Candidates {
  std::string boxes, scores, labels;
};

/// One graph, its helpers and the pairs of all levels so far.
class DetectionBuilder {
 public:
  DetectionBuilder(OnnxGraph& graph, const OnnxGrid& grid, const OnnxNms& nms)
      : graph_(graph), grid_(grid), nms_(nms) {}

  void add_level(const OnnxLevel& level, int stride);
  void add_padding(const std::string& content_size);
  void join(const std::string& content_size);
  void suppress();
  void add_outputs(const std::variant<int64_t, std::string>& batch);

 private:
  std::string node(const std::string& op, std::vector<std::string> inputs, const std::string& name,
                   OnnxAttributes attributes = {}) {
    return graph_.add(op, std::move(inputs), prefix_ + name, std::move(attributes));
  }
  std::string dimension(const std::string& value, int64_t dim) {
    return node("Shape", {value}, "size", {{"start", dim}, {"end", dim + 1}});
  }
  std::string distances(const std::string& box_logits, const std::string& cells);
  std::string points(const std::string& cells, const std::string& width, int stride);

  OnnxGraph& graph_;
  const OnnxGrid& grid_;
  const OnnxNms& nms_;
  std::string prefix_ = "detections.";
  std::vector<Candidates> levels_;
  Candidates all_;    ///< boxes [B,P,4]
  std::string kept_;  ///< [B,P] the score of a detection, 0 where there is none
};

/// [B,4,K] in strides: per side the expectation over the bins. Only the candidates' columns are read.
std::string DetectionBuilder::distances(const std::string& box_logits, const std::string& cells) {
  const int64_t bins = grid_.reg_max + 1;
  const std::string columns = node("Reshape", {box_logits, graph_.integers({0, 4 * bins, -1})}, "columns");
  const std::string rows = node("Unsqueeze", {cells, graph_.integers({1})}, "cell_rows");
  const std::string places = node("Expand", {rows, graph_.integers({1, 4 * bins, 1})}, "cell_places");
  const std::string chosen = node("GatherElements", {columns, places}, "chosen_columns", {{"axis", int64_t{2}}});
  const std::string sides = node("Reshape", {chosen, graph_.integers({0, 4, bins, -1})}, "sides");
  const std::string probabilities = node("Softmax", {sides}, "probabilities", {{"axis", int64_t{2}}});
  const std::string values = graph_.constant("bins", at::arange(bins, at::kFloat).view({bins, 1}));
  return node("ReduceSum", {node("Mul", {probabilities, values}, "weighted"), graph_.integers({2})}, "distances",
              {{"keepdims", int64_t{0}}});
}

/// [B,4,K] px: x, y, x, y of the cells' points.
std::string DetectionBuilder::points(const std::string& cells, const std::string& width, int stride) {
  const std::string columns =
      node("Unsqueeze", {node("Mod", {cells, width}, "column"), graph_.integers({1})}, "columns");
  const std::string rows = node("Unsqueeze", {node("Div", {cells, width}, "row"), graph_.integers({1})}, "rows");
  const std::string both = node("Concat", {columns, rows, columns, rows}, "cell_points", {{"axis", int64_t{1}}});
  return node("Mul", {node("Cast", {both}, "points", to_float), graph_.number(stride)}, "points_px");
}

void DetectionBuilder::add_level(const OnnxLevel& level, int stride) {
  prefix_ = fmt::format("detections.stride{}.", stride);
  const std::string scores = node("Sigmoid", {level.cls_logits}, "scores");
  const std::string last = node("Transpose", {scores}, "scores_last", {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  const std::string pairs = node("Reshape", {last, graph_.integers({0, -1})}, "pairs");
  const std::string limit = node("Min", {dimension(pairs, 1), graph_.integers({nms_.candidates})}, "limit");
  const auto best = graph_.add_many("TopK", {pairs, limit}, {prefix_ + "best_scores", prefix_ + "best_pairs"},
                                    {{"axis", int64_t{1}}});
  const std::string classes = graph_.integers({grid_.class_count});
  const std::string labels = node("Mod", {best[1], classes}, "labels");
  const std::string cells = node("Div", {best[1], classes}, "cells");
  const at::Tensor signs = at::tensor({-1.F, -1.F, 1.F, 1.F}).view({4, 1}) * stride;
  const std::string reach =
      node("Mul", {distances(level.box_logits, cells), graph_.constant(prefix_ + "signs", signs)}, "reach");
  const std::string boxes = node("Add", {points(cells, dimension(level.cls_logits, 3), stride), reach}, "boxes");
  levels_.push_back({boxes, best[0], labels});
}

/// N candidates of score 0, so that there are always enough to choose N from.
void DetectionBuilder::add_padding(const std::string& content_size) {
  prefix_ = "detections.padding.";
  const std::string batch = dimension(content_size, 0);
  const auto filled = [&](const std::string& name, std::vector<int64_t> sizes, const at::Tensor& zero) {
    const std::string shape = node("Concat", {batch, graph_.integers(sizes)}, name + "_shape", {{"axis", int64_t{0}}});
    return node("Expand", {graph_.constant(prefix_ + name + "_zero", zero), shape}, name);
  };
  levels_.push_back({filled("boxes", {4, nms_.max_detections}, at::zeros({1}, at::kFloat)),
                     filled("scores", {nms_.max_detections}, at::zeros({1}, at::kFloat)),
                     filled("labels", {nms_.max_detections}, at::zeros({1}, at::kLong))});
}

/// All levels in one list; boxes clipped to the content, those without an area get the score 0.
void DetectionBuilder::join(const std::string& content_size) {
  prefix_ = "detections.";
  const auto joined = [&](std::string Candidates::*part, const std::string& name, int64_t axis) {
    std::vector<std::string> parts;
    for (const auto& level : levels_) parts.push_back(level.*part);
    return node("Concat", std::move(parts), name, {{"axis", axis}});
  };
  const std::string sides =
      node("Gather", {content_size, graph_.integers({1, 0, 1, 0})}, "content_sides", {{"axis", int64_t{1}}});
  const std::string limits = node("Unsqueeze", {sides, graph_.integers({2})}, "content_limits");
  const std::string positive = node("Max", {joined(&Candidates::boxes, "free_boxes", 2), graph_.number(0)}, "positive");
  const std::string boxes = node("Min", {positive, limits}, "clipped_boxes");
  const auto corner = [&](const std::string& name, int64_t begin) {
    return node("Slice", {boxes, graph_.integers({begin}), graph_.integers({begin + 2}), graph_.integers({1})}, name);
  };
  const std::string extents = node("Sub", {corner("right_bottom", 2), corner("left_top", 0)}, "extents");
  const std::string least =
      node("ReduceMin", {extents, graph_.integers({1})}, "least_extent", {{"keepdims", int64_t{0}}});
  const std::string has_area = node("Greater", {least, graph_.number(0)}, "has_area");
  all_.scores =
      node("Where", {has_area, joined(&Candidates::scores, "free_scores", 1), graph_.number(0)}, "candidate_scores");
  all_.labels = joined(&Candidates::labels, "labels", 1);
  all_.boxes = node("Transpose", {boxes}, "candidate_boxes", {{"perm", std::vector<int64_t>{0, 2, 1}}});
}

/// NMS sees each candidate in its own class only.
void DetectionBuilder::suppress() {
  const auto row = [&](const std::string& value, const std::string& name) {
    return node("Unsqueeze", {value, graph_.integers({1})}, name);
  };
  const std::string classes =
      graph_.constant("class_numbers", at::arange(grid_.class_count, at::kLong).view({1, grid_.class_count, 1}));
  const std::string own = node("Equal", {row(all_.labels, "label_row"), classes}, "own_class");
  const std::string by_class = node("Where", {own, row(all_.scores, "score_row"), graph_.number(0)}, "scores_by_class");
  const std::string limit = graph_.constant("max_detections", at::tensor({int64_t{nms_.max_detections}}));
  const std::string iou = graph_.constant("nms_iou", at::tensor({static_cast<float>(nms_.nms_iou)}));
  const std::string threshold =
      graph_.constant("score_threshold", at::tensor({static_cast<float>(nms_.score_threshold)}));
  const std::string selected =
      node("NonMaxSuppression", {all_.boxes, by_class, limit, iou, threshold}, "selected");  // image, class, candidate
  const std::string places = node("Gather", {selected, graph_.integers({0, 2})}, "places", {{"axis", int64_t{1}}});
  const std::string none = node("Mul", {all_.scores, graph_.number(0)}, "none");
  kept_ = node("ScatterND", {none, places, node("GatherND", {all_.scores, places}, "selected_scores")}, "kept_scores");
}

void DetectionBuilder::add_outputs(const std::variant<int64_t, std::string>& batch) {
  const auto best =
      graph_.add_many("TopK", {kept_, graph_.constant("max_detections", at::tensor({int64_t{nms_.max_detections}}))},
                      {prefix_ + "best_scores", prefix_ + "best_candidates"}, {{"axis", int64_t{1}}});
  const std::string found = node("Greater", {best[0], graph_.number(0)}, "found");
  const auto as_column = [&](const std::string& value, const std::string& name) {
    return node("Unsqueeze", {value, graph_.integers({2})}, name);
  };
  const std::string places =
      node("Expand", {as_column(best[1], "candidate_column"), graph_.integers({1, 1, 4})}, "box_places");
  const std::string boxes = node("GatherElements", {all_.boxes, places}, "best_boxes", {{"axis", int64_t{1}}});
  const std::string labels = node("GatherElements", {all_.labels, best[1]}, "best_labels", {{"axis", int64_t{1}}});
  const std::string no_class = graph_.constant("no_class", at::scalar_tensor(-1, at::kLong));
  const int64_t count = nms_.max_detections;
  graph_.add_output(node("Where", {as_column(found, "found_column"), boxes, graph_.number(0)}, "out_boxes"),
                    {"boxes", at::kFloat, {batch, count, 4}});
  graph_.add_output(best[0], {"scores", at::kFloat, {batch, count}});
  graph_.add_output(node("Where", {found, labels, no_class}, "out_classes"), {"classes", at::kLong, {batch, count}});
  const std::string numbers = node("Cast", {found}, "found_numbers", to_int64);
  graph_.add_output(node("ReduceSum", {numbers, graph_.integers({1})}, "out_count", {{"keepdims", int64_t{0}}}),
                    {"count", at::kLong, {batch}});
}

}  // namespace

void add_detections(OnnxGraph& graph, const std::vector<OnnxLevel>& levels, const OnnxGrid& grid,
                    const std::string& content_size, const OnnxNms& nms,
                    const std::variant<int64_t, std::string>& batch) {
  DetectionBuilder builder(graph, grid, nms);
  for (size_t i = 0; i < levels.size(); ++i) builder.add_level(levels[i], grid.strides[i]);
  builder.add_padding(content_size);
  builder.join(content_size);
  builder.suppress();
  builder.add_outputs(batch);
}

}  // namespace skylift
