#include "skylift/models/model_options.h"

#include "skylift/core/error.h"

namespace skylift {
namespace {

void bind(OptionSection section, BackboneOptions& options) {
  section.add("name", options.name, "network that reads the image", one_of(backbone_names()));
  section.add("width", options.width, "factor on every channel count of the backbone; pretrained weights need 1",
              between(0.05, 4));
  section.add("frozen_stages", options.frozen_stages,
              "stages without training: -1 none, 0 the stem, k the stem and stages 1..k", between(-1, 4));
  section.add("norm_eval", options.norm_eval, "batch norm keeps its stored statistics in training");
  section.add("weights", options.weights,
              "pretrained weights to start from (skylift import makes the file); empty: random");
}

void bind(OptionSection section, NeckOptions& options) {
  section.add("channels", options.channels, "channels of every pyramid level", between(1, 4096));
  section.add("first_level", options.first_level, "finest pyramid level, stride 2^level px; 2 for very small objects",
              between(2, 5));
  section.add("last_level", options.last_level, "coarsest pyramid level, stride 2^level px", between(2, 9));
}

void bind(OptionSection section, LiftingOptions& options) {
  section.add("enabled", options.enabled, "Light-ML: mix the features of the two towers before predicting");
  section.add("kernel", options.kernel, "kernel of the light convolutions, 1 or 3 (3 is saved as it is)",
              between(1, 3));
  section.add("groups", options.groups, "groups of the light convolutions; 0: depthwise", between(0, 4096));
  section.add("norm", options.norm, "norm before them; with one the module is saved as it is", one_of({"none", "gn"}));
  section.add("activation", options.activation, "activation before them, after the norm", one_of({"none", "relu"}));
  section.add("training_only", options.training_only,
              "predict with and without the module; the lifted prediction is distilled and then dropped");
  section.add("folded", options.folded,
              "the predictors hold a part of the module already; set by saving a model, not by hand");
}

void bind(OptionSection section, HeadOptions& options) {
  section.add("channels", options.channels, "channels of the two towers", between(2, 4096));
  section.add("depth", options.depth, "3x3 convolutions in each tower", between(1, 16));
  section.add("norm_groups", options.norm_groups, "groups of the towers' group norm; lowered to a divisor of channels",
              between(1, 4096));
  section.add("reg_max", options.reg_max, "largest distance from a point to a side, in strides; one bin more per side",
              between(1, 128));
  bind(section.section("lifting"), options.lifting);
}

void check_lifting(const HeadOptions& head) {
  const LiftingOptions& lifting = head.lifting;
  if (!lifting.enabled) return;
  if (lifting.kernel != 1 && lifting.kernel != 3) {
    throw Error("head.lifting.kernel: got {}, expected 1 or 3", lifting.kernel);
  }
  if (lifting.groups > 0 && head.channels % lifting.groups != 0) {
    throw Error("head.lifting.groups: got {}, which does not divide head.channels = {}; 0 makes it depthwise",
                lifting.groups, head.channels);
  }
  if (lifting.activation != "none" && lifting.norm == "none") {
    throw Error(
        "head.lifting.activation: got {} without a norm before it, which does nothing: tower features are never "
        "negative; set head.lifting.norm = \"gn\" too",
        lifting.activation);
  }
  if (lifting.folded && lifting.training_only) {
    throw Error(
        "head.lifting: folded and training_only exclude each other; a training-only module is dropped on saving");
  }
}

}  // namespace

std::vector<int> NeckOptions::strides() const {
  std::vector<int> strides;
  for (int level = first_level; level <= last_level; ++level) strides.push_back(1 << level);
  return strides;
}

void bind(OptionSection section, ModelOptions& options) {
  bind(section.section("backbone"), options.backbone);
  bind(section.section("neck"), options.neck);
  bind(section.section("head"), options.head);
}

void check(const ModelOptions& options) {
  ModelOptions copy = options;
  OptionTable table;
  bind(table.root(), copy);
  table.check();
  if (options.neck.last_level < options.neck.first_level) {
    throw Error("neck.last_level: got {}, expected at least neck.first_level = {}", options.neck.last_level,
                options.neck.first_level);
  }
  if (options.backbone.width != 1 && !options.backbone.weights.empty()) {
    throw Error(
        "backbone.weights: {} holds a network of width 1, but backbone.width is {}; set the width to 1 or leave the "
        "weights out",
        options.backbone.weights, options.backbone.width);
  }
  check_lifting(options.head);
}

const std::vector<std::string>& backbone_names() {
  static const std::vector<std::string> names = {"resnet18",           "resnet34",           "resnet50",
                                                 "resnet101",          "efficientnet_lite0", "efficientnet_lite1",
                                                 "efficientnet_lite2", "mobilenet_v2"};
  return names;
}

}  // namespace skylift
