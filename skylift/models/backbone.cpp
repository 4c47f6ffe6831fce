#include "skylift/models/backbone.h"

#include <torch/nn/modules/batchnorm.h>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/models/inverted_residual.h"
#include "skylift/models/resnet.h"

namespace skylift {

void Backbone::begin_training() {
  for (auto& item : named_parameters()) {
    if (stage_of(item.key()) <= options_.frozen_stages) item.value().set_requires_grad(false);
  }
  Backbone::train(true);
}

void Backbone::train(bool on) {
  torch::nn::Module::train(on);
  if (!on) return;
  for (auto& item : named_modules("", /*include_self=*/false)) {
    if (!item.value()->as<torch::nn::BatchNorm2dImpl>()) continue;
    if (options_.norm_eval || stage_of(item.key()) <= options_.frozen_stages) item.value()->eval();
  }
}

std::shared_ptr<Backbone> make_backbone(const BackboneOptions& options) {
  if (ResNet::knows(options.name)) return std::make_shared<ResNet>(options);
  if (InvertedResidualNet::knows(options.name)) return std::make_shared<InvertedResidualNet>(options);
  throw Error("backbone.name: unknown backbone '{}'{}", options.name, suggestion(options.name, backbone_names()));
}

}  // namespace skylift
