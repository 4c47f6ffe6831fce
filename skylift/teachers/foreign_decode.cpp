#include "skylift/teachers/foreign_decode.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/boxes/boxes.h"
#include "skylift/core/error.h"

namespace skylift {
namespace {

/// What stands behind the classes is "none".
at::Tensor probabilities(const at::Tensor& values, const ForeignLayout& layout, int64_t dimension) {
  const at::Tensor all = layout.scores == "logit"     ? values.sigmoid()
                         : layout.scores == "softmax" ? values.softmax(dimension)
                                                      : values;
  return all.slice(dimension, 0, static_cast<int64_t>(layout.classes.size()));
}

at::Tensor corners_of_centres(const at::Tensor& centre, const at::Tensor& size, int64_t dimension) {
  return at::cat({centre - size / 2, centre + size / 2}, dimension);
}

/// [B,4,H,W] px.
at::Tensor boxes_of(const at::Tensor& values, const ForeignLayout& layout, int stride, double height, double width) {
  const int64_t rows = values.size(2), columns = values.size(3);
  if (layout.boxes == "offsets") {
    const at::Tensor centre = values.slice(1, 0, 2) * stride + cell_points(rows, columns, stride, 0, values.options());
    return corners_of_centres(centre, values.slice(1, 2, 4).clamp_max(20).exp() * stride, 1);
  }
  if (layout.boxes == "xywh" || layout.boxes == "xyxy") {
    at::Tensor boxes = values;
    if (layout.relative == "yes")
      boxes = boxes * at::tensor({width, height, width, height}, at::kFloat).view({1, 4, 1, 1});
    return layout.boxes == "xyxy" ? boxes : corners_of_centres(boxes.slice(1, 0, 2), boxes.slice(1, 2, 4), 1);
  }
  at::Tensor distances = values;
  if (layout.boxes == "bins") {
    distances = integral(values.permute({0, 2, 3, 1}).contiguous(), layout.reg_max)
                    .view({values.size(0), rows, columns, 4})
                    .permute({0, 3, 1, 2});
  }
  if (layout.boxes != "distances_px") distances = distances * stride;
  const at::Tensor points = cell_points(rows, columns, stride, layout.point == "middle" ? 0.5 : 0, values.options());
  return at::cat({points - distances.slice(1, 0, 2), points + distances.slice(1, 2, 4)}, 1);
}

/// The parts of finished boxes, [B,K,...] each; undefined: not there. `classes`: a score or logit of each class;
/// `counts`: [B], how many of the K are boxes.
struct FinishedParts {
  at::Tensor boxes, scores, labels, classes, counts;
};

FinishedParts parts_of(const std::vector<NamedTensor>& outputs, bool class_rows) {
  FinishedParts parts;
  if (class_rows) {
    parts.boxes = outputs.front().tensor.slice(2, 0, 4);
    parts.classes = outputs.front().tensor.slice(2, 4);
    return parts;
  }
  const auto rows_of = [&](const NamedTensor& output) {  // of one image perhaps without its dimension
    return outputs.size() == 1 && output.tensor.dim() == 2 ? output.tensor.unsqueeze(0) : output.tensor;
  };
  for (const int64_t columns : {4, 5, 6, 7}) {  // four before six: those may be scores of six classes
    for (const NamedTensor& output : outputs) {
      const at::Tensor values = rows_of(output);
      const bool boxes = values.dim() == 3 && values.size(2) == columns && !are_class_scores(output);
      if (boxes && !parts.boxes.defined()) parts.boxes = values;
    }
  }
  if (!parts.boxes.defined()) return parts;
  for (const NamedTensor& output : outputs) {
    const at::Tensor& values = output.tensor;
    if (values.numel() == parts.boxes.size(0) && values.scalar_type() == at::kLong &&
        named_like(output.name, {"num", "count"}))
      parts.counts = values.flatten();
    if (values.dim() < 2 || values.size(0) != parts.boxes.size(0) || values.size(1) != parts.boxes.size(1)) continue;
    if (are_class_scores(output)) {
      parts.classes = values;
    } else if (values.dim() == 2) {
      const bool label = named_like(output.name, {"label", "class"}) ||
                         (!named_like(output.name, {"score", "conf"}) && values.scalar_type() == at::kLong);
      at::Tensor& part = label ? parts.labels : parts.scores;
      if (!part.defined()) part = values;
    }
  }
  return parts;
}

/// [B,K,6]: corners, score and class in one row.
bool in_one_row(const FinishedParts& parts) {
  return parts.boxes.defined() && parts.boxes.size(2) == 6 && !parts.classes.defined() && !parts.labels.defined();
}

bool are_whole(const FinishedParts& parts) {
  if (!parts.boxes.defined()) return false;
  const bool scored = parts.boxes.size(2) == 5 || parts.scores.defined();
  return in_one_row(parts) || parts.classes.defined() || (scored && parts.labels.defined());
}

}  // namespace

bool are_class_scores(const NamedTensor& output) {
  return named_like(output.name, {"logits"}) ||
         (named_like(output.name, {"label", "score"}) && output.tensor.dim() == 3 && output.tensor.is_floating_point());
}

bool are_finished_boxes(const std::vector<NamedTensor>& outputs) { return are_whole(parts_of(outputs, false)); }

at::Tensor further_input(const OnnxInput& input, const at::Tensor& images, const std::string& name) {
  const int64_t count = images.size(0), height = images.size(2), width = images.size(3);
  const auto pair = [&](int64_t first, int64_t second) {
    return at::tensor({first, second}, at::kLong).unsqueeze(0).expand({count, 2}).contiguous();
  };
  if (input.name == "content_size" || input.name == "im_shape") return pair(height, width);
  if (input.name == "scale_factor") return pair(1, 1);
  if (input.name == "pixel_mask" && input.sizes.size() == 3) {
    const auto side = [&](size_t i, int64_t free) { return input.sizes[i] > 0 ? input.sizes[i] : free; };
    return at::ones({count, side(1, height), side(2, width)}, at::kLong);
  }
  const bool two = input.sizes.empty() || (input.sizes.size() == 2 && (input.sizes[1] == 2 || input.sizes[1] < 0));
  if (input.integers && two) return pair(width, height);
  throw Error(
      "{}: takes {} beside images, expected nothing else, or content_size, im_shape, scale_factor, pixel_mask, or the "
      "image's size as integers [B,2]",
      name, input.text);
}

DecodedMaps decode_dense(const std::vector<ForeignLevel>& levels, const ForeignLayout& layout, int64_t height,
                         int64_t width) {
  DecodedMaps maps;
  maps.strides = layout.strides;
  for (size_t i = 0; i < levels.size(); ++i) {
    at::Tensor scores = probabilities(levels[i].cls, layout, 1);
    if (levels[i].objectness.defined())
      scores = scores * (layout.scores == "logit" ? levels[i].objectness.sigmoid() : levels[i].objectness);
    maps.scores.push_back(scores);
    maps.boxes.push_back(
        boxes_of(levels[i].box, layout, layout.strides[i], static_cast<double>(height), static_cast<double>(width)));
  }
  return maps;
}

std::vector<FoundBoxes> decode_finished(const std::vector<NamedTensor>& outputs, const ForeignLayout& layout,
                                        int64_t height, int64_t width, const std::string& name) {
  const FinishedParts parts = parts_of(outputs, layout.class_rows);
  if (!are_whole(parts))
    throw Error("{}: got no boxes with scores and labels, but the layout says finished boxes", name);
  const int64_t columns = parts.boxes.size(2);
  const bool whole = in_one_row(parts);
  std::vector<FoundBoxes> images;
  for (int64_t b = 0; b < parts.boxes.size(0); ++b) {
    const at::Tensor rows = parts.boxes[b].to(at::kFloat);
    FoundBoxes found;
    if (parts.classes.defined()) {
      std::tie(found.scores, found.labels) = probabilities(parts.classes[b].to(at::kFloat), layout, 1).max(1);
    } else {
      found.scores = columns >= 5 ? rows.select(1, 4) : parts.scores[b].to(at::kFloat);
      found.labels = (whole ? rows.select(1, 5) : parts.labels[b]).to(at::kLong);
    }
    at::Tensor boxes = rows.slice(1, 0, 4);
    if (layout.relative == "yes")
      boxes = boxes * at::tensor({static_cast<float>(width), static_cast<float>(height), static_cast<float>(width),
                                  static_cast<float>(height)});
    found.boxes_xyxy =
        layout.boxes == "xywh" ? corners_of_centres(boxes.slice(1, 0, 2), boxes.slice(1, 2, 4), 1) : boxes;
    if (parts.counts.defined()) {  // what follows is left over from other images
      const int64_t count = std::clamp<int64_t>(parts.counts[b].item<int64_t>(), 0, rows.size(0));
      for (at::Tensor* part : {&found.boxes_xyxy, &found.scores, &found.labels}) *part = part->slice(0, 0, count);
    }
    images.push_back(found);
  }
  return images;
}

}  // namespace skylift
