#include "apps/export_check.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numeric>

#include "skylift/core/error.h"
#include "skylift/image/resize.h"
#include "skylift/infer/decode.h"
#include "skylift/infer/onnx_runner.h"

namespace skylift {
namespace {

/// What may differ. Arithmetic in another order moves float32 outputs by about 1e-6 of the largest one.
struct Limits {
  double logits;     ///< of the largest output of a map
  double box_px;     ///< of a detection, px of the image
  double score;      ///< of a detection
  double unmatched;  ///< part of the detections that may have no counterpart: those at the edge of a threshold
};

Limits limits_of(const OnnxOptions& options) {
  if (options.half) return {.logits = 2e-2, .box_px = 2, .score = 2e-2, .unmatched = 0.05};
  return {.logits = 1e-4, .box_px = 0.05, .score = 1e-4, .unmatched = 0.005};
}

DenseOutput source_output(const Model& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  model.detector->eval();
  return model.detector->forward(images);
}

std::string check_logits(const std::map<std::string, at::Tensor>& found, const DenseOutput& expected, double limit) {
  double worst = 0;
  std::string worst_name = "all";
  const auto compare = [&](const std::string& name, const at::Tensor& map) {
    const at::Tensor& other = found.at(name);
    if (other.sizes() != map.sizes()) throw Error("export: {} has another shape than the source model's", name);
    const double difference = ((other - map).abs().max() / map.abs().max().clamp_min(1e-6)).item<double>();
    if (difference <= worst) return;
    worst = difference;
    worst_name = name;
    // Written so that a value that is no number fails too.
    if (!(difference <= limit)) {
      throw Error("export: {} differs from the source model by {:.2g} of its largest value, limit {:.0e}", name,
                  difference, limit);
    }
  };
  for (size_t i = 0; i < expected.levels.size(); ++i) {
    compare(fmt::format("cls_logits_{}", expected.strides[i]), expected.levels[i].cls_logits);
    compare(fmt::format("box_logits_{}", expected.strides[i]), expected.levels[i].box_logits);
  }
  return fmt::format("largest difference {:.1e} of the largest value ({}), limit {:.0e}", worst, worst_name, limit);
}

/// The first image's detections, in px of the image.
std::vector<Detection> found_detections(const std::map<std::string, at::Tensor>& found, const ImageGeometry& geometry) {
  const at::Tensor boxes = found.at("boxes")[0], scores = found.at("scores")[0], classes = found.at("classes")[0];
  std::vector<Detection> detections;
  for (int64_t i = 0; i < found.at("count")[0].item<int64_t>(); ++i) {
    const float* box = boxes.const_data_ptr<float>() + 4 * i;
    const double x1 = box[0] / geometry.scale_x, y1 = box[1] / geometry.scale_y;
    const double x2 = std::min<double>(geometry.original_width, box[2] / geometry.scale_x);
    const double y2 = std::min<double>(geometry.original_height, box[3] / geometry.scale_y);
    detections.push_back(
        {{x1, y1, x2 - x1, y2 - y1}, scores[i].item<float>(), static_cast<int>(classes[i].item<int64_t>())});
  }
  return detections;
}

double box_difference(const BoxXywh& a, const BoxXywh& b) {
  const double left = std::abs(a.x - b.x), top = std::abs(a.y - b.y);
  const double right = std::abs(a.x + a.w - b.x - b.w), bottom = std::abs(a.y + a.h - b.y - b.h);
  return std::max({left, top, right, bottom});
}

struct DetectionDifference {
  double box_px = 0, score = 0;
  size_t unmatched = 0;
};

DetectionDifference compare(const std::vector<Detection>& found, const std::vector<Detection>& expected,
                            const Limits& limits) {
  DetectionDifference difference;
  std::vector<bool> taken(found.size());
  for (const Detection& wanted : expected) {
    size_t best = found.size();
    double nearest = limits.box_px;
    for (size_t i = 0; i < found.size(); ++i) {
      if (taken[i] || found[i].class_index != wanted.class_index) continue;
      if (std::abs(found[i].score - wanted.score) > limits.score) continue;
      const double distance = box_difference(found[i].box, wanted.box);
      if (distance > nearest) continue;
      nearest = distance;
      best = i;
    }
    if (best == found.size()) {
      ++difference.unmatched;
      continue;
    }
    taken[best] = true;
    difference.box_px = std::max(difference.box_px, nearest);
    difference.score = std::max<double>(difference.score, std::abs(found[best].score - wanted.score));
  }
  difference.unmatched += found.size() - (expected.size() - difference.unmatched);
  return difference;
}

std::string check_detections(const std::map<std::string, at::Tensor>& outputs, const DenseOutput& source,
                             const OnnxNms& nms, const ExportInput& input, const Limits& limits) {
  DecodeOptions decoding;
  decoding.score_threshold = nms.score_threshold;
  decoding.candidates = nms.candidates;
  decoding.nms_iou = nms.nms_iou;
  decoding.max_detections = nms.max_detections;
  const std::vector<ImageGeometry> geometries(static_cast<size_t>(input.images.size(0)), input.geometry);
  const auto expected = decode(source, geometries, decoding).front();
  const auto found = found_detections(outputs, input.geometry);
  const DetectionDifference difference = compare(found, expected, limits);
  const auto all = static_cast<double>(found.size() + expected.size());
  if (static_cast<double>(difference.unmatched) > limits.unmatched * all) {
    throw Error("export: {} of {} detections have no counterpart within {} px and a score of {}", difference.unmatched,
                found.size() + expected.size(), limits.box_px, limits.score);
  }
  return fmt::format("{} detections, boxes differ by up to {:.4f} px (limit {}), scores by up to {:.1e} (limit {:.0e})",
                     found.size(), difference.box_px, limits.box_px, difference.score, limits.score);
}

}  // namespace

ExportInput export_input(const cv::Mat& rgb, const Preprocess& preprocess, const OnnxOptions& options) {
  const bool fixed = options.height > 0;
  double scale = keep_ratio_scale(rgb.size(), preprocess);
  if (fixed) {
    const double fits_height = static_cast<double>(options.height) / rgb.rows,
                 fits_width = static_cast<double>(options.width) / rgb.cols;
    scale = std::min({scale, fits_height, fits_width});
  }
  cv::Size size = scaled_size(rgb.size(), scale);
  if (fixed) size = {std::min(size.width, options.width), std::min(size.height, options.height)};
  Sample sample;
  sample.rgb = resize_rgb(rgb, size);
  sample.geometry = {.original_width = rgb.cols,
                     .original_height = rgb.rows,
                     .content_width = size.width,
                     .content_height = size.height,
                     .scale_x = static_cast<double>(size.width) / rgb.cols,
                     .scale_y = static_cast<double>(size.height) / rgb.rows};
  Preprocess unpadded = preprocess;
  unpadded.pad_multiple = 1;
  const at::Tensor image = collate({sample}, unpadded).unpacked().images;
  const int multiple = std::lcm(preprocess.pad_multiple, onnx_size_multiple);
  const int height = fixed ? options.height : round_up(size.height, multiple);
  const int width = fixed ? options.width : round_up(size.width, multiple);
  const at::Tensor padded = at::constant_pad_nd(image, {0, width - size.width, 0, height - size.height});
  return {padded.repeat({std::max(1, options.batch), 1, 1, 1}), sample.geometry};
}

at::Tensor content_size(const ExportInput& input) {
  const at::Tensor content =
      at::tensor({static_cast<float>(input.geometry.content_height), static_cast<float>(input.geometry.content_width)});
  return content.repeat({input.images.size(0), 1});
}

std::string check_export(const std::string& onnx, const Model& model, const OnnxOptions& options,
                         const ExportInput& input) {
  const Limits limits = limits_of(options);
  std::map<std::string, at::Tensor> inputs = {{"images", input.images}};
  if (options.nms) inputs["content_size"] = content_size(input);
  std::map<std::string, at::Tensor> outputs;
  for (const auto& [name, tensor] : OnnxRunner(onnx, "the exported model").run(inputs)) outputs[name] = tensor;
  const DenseOutput source = source_output(model, input.images);
  const std::string result = options.nms ? check_detections(outputs, source, *options.nms, input, limits)
                                         : check_logits(outputs, source, limits.logits);
  return fmt::format("at {}x{} px: {}", input.images.size(3), input.images.size(2), result);
}

}  // namespace skylift
