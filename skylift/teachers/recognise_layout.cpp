#include "skylift/teachers/foreign_layout.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/boxes/point_grid.h"
#include "skylift/core/error.h"
#include "skylift/teachers/foreign_decode.h"
#include "skylift/teachers/foreign_levels.h"
#include "skylift/teachers/metadata_names.h"

namespace skylift {
namespace {

const std::vector<std::vector<int>> kStrides = {{8, 16, 32}, {8, 16, 32, 64}, {4, 8, 16, 32},    {8, 16, 32, 64, 128},
                                                {16, 32},    {8, 16},         {4, 8, 16, 32, 64}};

std::string shape_text(const std::vector<NamedTensor>& outputs) {
  std::vector<std::string> texts;
  for (const NamedTensor& output : outputs)
    texts.push_back(fmt::format("{} [{}]", output.name, fmt::join(output.tensor.sizes().vec(), ",")));
  return fmt::format("{}", fmt::join(texts, ", "));
}

bool within_one(const at::Tensor& values) {
  return values.numel() == 0 || (values.min().item<double>() >= 0 && values.max().item<double>() <= 1);
}

class Recognition {
 public:
  Recognition(ForeignLayout given, const ForeignSight& sight) : layout_(std::move(given)), sight_(sight) {
    const auto task = sight.metadata.find("task");
    if (task != sight.metadata.end() && task->second != "detect") {
      throw Error("{}: a model of Ultralytics' task '{}', expected one of 'detect': its outputs mean something else",
                  sight.name, task->second);
    }
    if (layout_.classes.empty() && sight.metadata.contains("names"))
      layout_.classes = names_in_metadata(sight.metadata.at("names"));
    if (layout_.classes == std::vector<std::string>{"coco"}) layout_.classes = coco_classes();
  }

  ForeignLayout run() {
    const bool found = (is_end_to_end() && asked("detections") && finished()) || (asked("rows") && rows()) ||
                       (asked("levels") && levels()) || (asked("detections") && finished());
    if (!found) {
      throw Error(
          "{}: its outputs {} for an image of {}x{} px are of no known layout{} (hint: write `kind`, `classes` and "
          "what "
          "else is not recognised into the .toml file beside it, docs/teachers.md)",
          sight_.name, shape_text(sight_.outputs), sight_.width, sight_.height,
          layout_.classes.empty() ? "" : fmt::format(" of {} classes", layout_.classes.size()));
    }
    decide_pixels();
    return layout_;
  }

 private:
  bool asked(const char* kind) const { return layout_.kind == "auto" || layout_.kind == kind; }
  static void decide(std::string& field, const std::string& value) {
    if (field == "auto") field = value;
  }
  /// By Ultralytics' metadata: finished boxes, of which there may be as many as cells.
  bool is_end_to_end() const {
    const auto says = [&](const char* key, const char* what) {
      return sight_.metadata.contains(key) && sight_.metadata.at(key).find(what) != std::string::npos;
    };
    return says("end2end", "True") || says("args", "'nms': True");
  }
  std::vector<std::vector<int>> stride_sets() const {
    return layout_.strides.empty() ? kStrides : std::vector<std::vector<int>>(1, layout_.strides);
  }

  /// Names for a count of classes that no one has named: COCO's, or the data's in their order.
  bool has_classes(int64_t count) {
    if (count < 1) return false;
    const auto are = [&](const std::vector<std::string>& names) { return static_cast<int64_t>(names.size()) == count; };
    if (!layout_.classes.empty()) return are(layout_.classes);
    for (const auto* names : {&sight_.data_classes, &coco_classes(), &coco_classes_by_number()}) {
      if (!are(*names)) continue;
      layout_.classes = *names;
      if (names == &sight_.data_classes) assume("its scores are taken as the data's classes in their order");
      return true;
    }
    return false;
  }

  /// Of classes that nothing names.
  void assume(const std::string& what) { layout_.assumed = fmt::format("names no classes: {}", what); }

  bool rows() {
    if (sight_.outputs.size() != 1 || sight_.outputs[0].tensor.dim() != 3) return false;
    const at::Tensor& values = sight_.outputs[0].tensor;
    for (const auto& strides : stride_sets()) {
      const int64_t cells = cell_count(sight_.height, sight_.width, strides);
      for (const int anchors : layout_.anchors > 0 ? std::vector{layout_.anchors} : std::vector{1, 3}) {
        const int64_t count = cells * anchors;
        if (values.size(1) != count && values.size(2) != count) continue;
        layout_.strides = strides;
        layout_.anchors = anchors;
        if (columns(as_rows(values, count))) return true;
      }
    }
    return false;
  }

  /// values: [B,N,K].
  bool columns(const at::Tensor& values) {
    const int64_t count = values.size(2);
    const bool may_have = layout_.objectness != "no", may_lack = layout_.objectness != "yes";
    if (may_lack && layout_.boxes != "bins" && has_classes(count - 4)) {
      if (may_have && !layout_.assumed.empty()) layout_.assumed += ", none of them as an objectness";
      decide(layout_.objectness, "no");
    } else if (may_have && layout_.boxes != "bins" && has_classes(count - 5)) {
      decide(layout_.objectness, "yes");
    } else {
      for (const int bins : {8, 17, 16}) {
        if (!has_classes(count - 4 * bins)) continue;
        layout_.reg_max = bins - 1;
        layout_.boxes = "bins";
        layout_.objectness = "no";
        decide(layout_.point, "corner");
        break;
      }
      if (layout_.reg_max == 0) return false;
    }
    layout_.kind = "rows";
    decide(layout_.relative, "no");
    const bool corners = values.slice(2, 2, 4).ge(values.slice(2, 0, 2)).all().item<bool>();
    const bool offsets = layout_.anchors == 1 && !near_their_cells(values);
    decide(layout_.boxes, offsets ? "offsets" : corners ? "xyxy" : "xywh");
    // With objectness and an anchor a cell: YOLOX, decoded, or YOLOv6, which writes ones there. v5 names its classes.
    decoded_yolox_ = layout_.objectness == "yes" && layout_.anchors == 1 && layout_.boxes == "xywh" &&
                     !sight_.metadata.contains("names") && !values.select(2, 4).eq(1).all().item<bool>();
    const int64_t classes = static_cast<int64_t>(layout_.classes.size());
    const at::Tensor scores = layout_.boxes == "bins" ? values.slice(2, 0, classes) : values.slice(2, 4);
    decide(layout_.scores, within_one(scores) ? "probability" : "logit");
    return true;
  }

  /// Whether boxes read as centres in pixels lie where their cells are; YOLOX's offsets all lie near the origin.
  bool near_their_cells(const at::Tensor& rows) const {
    double far = 0, all = 0;
    int64_t row = 0;
    const at::Tensor centres = rows[0].slice(1, 0, 2).to(at::kFloat).contiguous();
    const float* xy = centres.const_data_ptr<float>();
    for (const int stride : layout_.strides) {
      const auto [h, w] = level_size(sight_.height, sight_.width, stride);
      for (int64_t cell = 0; cell < h * w; ++cell, ++row, ++all) {
        const double x = (static_cast<double>(cell % w) + 0.5) * stride;
        const double y = (static_cast<double>(cell / w) + 0.5) * stride;
        far += std::max(std::abs(xy[2 * row] - x), std::abs(xy[2 * row + 1] - y)) > 8 * stride;
      }
    }
    return far < all / 2;
  }

  bool levels() {
    for (const auto& strides : stride_sets()) {
      const auto by_level = outputs_by_level(sight_.outputs, sight_.height, sight_.width, strides);
      if (!by_level || by_level->front().size() > 3) continue;
      layout_.strides = strides;
      if (channels(by_level->front())) return true;
    }
    return false;
  }

  /// Never negative.
  static bool are_distances(const std::vector<NamedTensor>& maps, int64_t box) {
    return std::ranges::any_of(maps, [&](const NamedTensor& map) {
      return map.tensor.size(1) == box && map.tensor.min().item<double>() >= 0;
    });
  }

  bool channels(const std::vector<NamedTensor>& maps) {
    std::vector<int64_t> counts;
    for (const NamedTensor& map : maps) counts.push_back(map.tensor.size(1));
    if (maps.size() == 3) {
      const auto one = std::ranges::find(counts, 1);
      if (one == counts.end()) return false;
      counts.erase(one);
      decide(layout_.objectness, "yes");
    }
    decide(layout_.objectness, "no");
    const bool own = maps.front().name.find("_logits_") != std::string::npos;
    for (const auto& [cls, box] : {std::pair(counts[0], counts[1]), std::pair(counts[1], counts[0])}) {
      if (box % 4 != 0 || !has_classes(cls - (layout_.scores == "softmax" ? 1 : 0))) continue;
      layout_.kind = "levels";
      layout_.reg_max = box > 4 ? static_cast<int>(box / 4) - 1 : 0;
      // YOLOX has three levels. On more the third map is a centerness: FCOS's, beside distances, or ATSS's, beside
      // offsets from anchors that nothing names.
      const bool yolox = layout_.objectness == "yes" && layout_.strides.size() <= 3;
      const bool fcos = layout_.objectness == "yes" && !yolox && are_distances(maps, box);
      if (layout_.objectness == "yes" && layout_.boxes == "auto" && !yolox && !fcos) continue;
      decide(layout_.boxes, box > 4 ? "bins" : yolox ? "offsets" : "distances_px");
      decide(layout_.point, own || (layout_.boxes == "distances_px" && !fcos) ? "corner" : "middle");
      decide(layout_.relative, "no");
      layout_.anchors = 1;
      const auto scores = std::ranges::find(maps, cls, [](const NamedTensor& map) { return map.tensor.size(1); });
      decide(layout_.scores, within_one(scores->tensor) ? "probability" : "logit");
      return true;
    }
    return false;
  }

  /// Finished boxes. Names say which output is what where shapes do not.
  bool finished() {
    if (!class_rows() && !are_finished_boxes(sight_.outputs)) return false;
    layout_.kind = "detections";
    const auto scores = std::ranges::find_if(sight_.outputs, are_class_scores);
    const bool of_classes = scores != sight_.outputs.end(), detr = of_classes && !named_like(scores->name, {"score"});
    if (detr && !detr_classes(*scores)) return false;
    if (of_classes && !detr) {
      if (!has_classes(scores->tensor.size(-1))) return false;
      decide(layout_.scores, within_one(scores->tensor) ? "probability" : "logit");
    }
    mmdeploy_ = std::ranges::any_of(sight_.outputs, [](const NamedTensor& output) {
      return output.name == "dets" && output.tensor.dim() > 0 && output.tensor.size(-1) == 5;
    });
    const bool queries = detr || layout_.class_rows;
    if (!queries && !of_classes) layout_.scores = "probability";
    decide(layout_.boxes, queries ? "xywh" : "xyxy");
    decide(layout_.relative, queries ? "yes" : "no");
    if (layout_.classes.empty()) {
      layout_.classes = sight_.data_classes;
      layout_.numbered_classes = true;
      assume(fmt::format("its label 0 is taken as {}, and so on", layout_.classes.front()));
    }
    return true;
  }

  /// [B,K,4+C], boxes in parts of the input; of two classes they look like [B,K,6], whose last column is a class.
  bool class_rows() {
    const at::Tensor& rows = sight_.outputs.front().tensor;
    if (sight_.outputs.size() != 1 || rows.dim() != 3 || rows.size(2) < 5 || rows.size(1) == 0) return false;
    const at::Tensor boxes = rows.slice(2, 0, 4), scores = rows.slice(2, 4), last = rows.select(2, rows.size(2) - 1);
    if (boxes.min().item<double>() < -0.5 || boxes.max().item<double>() > 1.5) return false;
    if (rows.size(2) == 6 && last.eq(last.round()).all().item<bool>()) return false;
    if (!has_classes(scores.size(2))) return false;
    decide(layout_.scores, within_one(scores) ? "probability" : "logit");
    layout_.class_rows = true;
    return true;
  }

  /// A logit of each class, and maybe one of none behind them: a softmax's, or a sigmoid's that nobody reads (RF-DETR).
  bool detr_classes(const NamedTensor& scores) {
    const int64_t count = scores.tensor.size(-1);
    const bool softmax = scores.name.find("logits") != std::string::npos;
    // Deformable DETR has no softmax, but COCO's numbers and ImageNet's mean.
    imagenet_ = !softmax || count == static_cast<int64_t>(coco_classes_by_number().size());
    if (layout_.scores != "softmax" && has_classes(count)) {
      decide(layout_.scores, "logit");
      return true;
    }
    imagenet_ = true;
    decide(layout_.scores, softmax ? "softmax" : "logit");
    if (!has_classes(count - 1)) return false;
    if (!softmax && !layout_.assumed.empty())
      layout_.assumed += fmt::format(
          ", the last of {} as none (a RF-DETR of a Roboflow set has none first: classes = [\"none\", ...])", count);
    return true;
  }

  void decide_pixels() {
    const bool nanodet = layout_.boxes == "bins" && !sight_.metadata.contains("names");  // Ultralytics' branches have
    const bool mmdet = layout_.boxes == "distances_px" || mmdeploy_;
    const bool yolox = layout_.boxes == "offsets" || decoded_yolox_;
    decide(layout_.channels, nanodet || mmdet || yolox ? "bgr" : "rgb");
    const bool plain = layout_.mean.empty() && layout_.deviation.empty();
    if (!plain) {
      if (layout_.mean.size() != 3 || layout_.deviation.size() != 3)
        throw Error("{}: mean and deviation have {} and {} numbers, expected 3 each", sight_.name, layout_.mean.size(),
                    layout_.deviation.size());
    } else if (nanodet || mmdet) {
      layout_.mean = {103.53, 116.28, 123.675};
      layout_.deviation = {57.375, 57.12, 58.395};
    } else if (imagenet_) {
      layout_.mean = {123.675, 116.28, 103.53};
      layout_.deviation = {58.395, 57.12, 57.375};
    } else {
      const double full = yolox ? 1 : 255;
      layout_.mean = {0, 0, 0};
      layout_.deviation = {full, full, full};
    }
  }

  ForeignLayout layout_;
  const ForeignSight& sight_;
  bool decoded_yolox_ = false, mmdeploy_ = false, imagenet_ = false;
};

}  // namespace

ForeignLayout recognised(ForeignLayout given, const ForeignSight& sight) {
  return Recognition(std::move(given), sight).run();
}

}  // namespace skylift
