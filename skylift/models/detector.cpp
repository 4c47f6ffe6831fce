#include "skylift/models/detector.h"

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/models/backbone_weights.h"

namespace skylift {

Detector::Detector(const ModelOptions& options, int class_count) : options_(options), class_count_(class_count) {
  check(options);
  if (class_count < 1) throw Error("model: got {} classes, expected at least 1", class_count);
  const int level_count = options.neck.last_level - options.neck.first_level + 1;
  backbone_ = register_module("backbone", make_backbone(options.backbone));
  neck_ = register_module("neck", std::make_shared<FeaturePyramid>(options.neck, backbone_->out_channels()));
  head_ =
      register_module("head", std::make_shared<GflHead>(options.head, options.neck.channels, class_count, level_count));
  if (!options.backbone.weights.empty()) load_pretrained();
}

void Detector::load_pretrained() {
  const BackboneReport report = load_backbone_weights(*backbone_, options_.backbone.weights);
  if (report.norm_folded && !options_.backbone.norm_eval) {
    log_warning(
        "backbone.weights: {}: batch norm was folded into the convolutions, and batch statistics undo what they "
        "learned; "
        "set backbone.norm_eval = true",
        options_.backbone.weights);
  }
}

DenseOutput Detector::forward(const at::Tensor& images) {
  DenseOutput output;
  output.levels = head_->forward(neck_->forward(backbone_->forward(images)));
  for (int level = options_.neck.first_level; level <= options_.neck.last_level; ++level)
    output.strides.push_back(1 << level);
  output.reg_max = options_.head.reg_max;
  return output;
}

}  // namespace skylift
