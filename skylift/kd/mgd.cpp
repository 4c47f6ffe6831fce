#include "skylift/kd/mgd.h"

#include <ATen/Functions.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "skylift/dist/processes.h"
#include "skylift/kd/features.h"

namespace skylift {
namespace {

torch::nn::Sequential generator(int channels) {
  const auto conv = [&] { return torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, channels, 3).padding(1)); };
  return torch::nn::Sequential(conv(), torch::nn::ReLU(), conv());
}

/// [B,1,H,W] uniform numbers. Every process draws those of all, so that they are what one process with the whole batch
/// would draw, and all generators stay alike.
at::Tensor drawn_for_own_images(const at::Tensor& map) {
  const int64_t images = map.size(0);
  return at::rand({images * process_count(), 1, map.size(2), map.size(3)}, map.options().requires_grad(false))
      .narrow(0, images * process_rank(), images);
}

class Mgd final : public DistillMethod {
 public:
  explicit Mgd(const MethodContext& context) {
    const size_t levels = context.student.strides.size();
    adapters_ = register_module("adapters", pyramid_adapters("mgd", context));
    generators_ = register_module("generators", torch::nn::ModuleList());
    for (size_t i = 0; i < levels; ++i) generators_->push_back(generator(context.teacher.channels));
  }

  void add_terms(DistillStep& step) override {
    step.add("kd_mgd", step.options.of<MgdOptions>().weight, [&] { return loss(step); });
  }

 private:
  std::vector<at::Tensor> generated(DistillStep& step) {
    std::vector<at::Tensor> maps = adapted_features(step, *adapters_);
    for (size_t i = 0; i < maps.size(); ++i) {
      const at::Tensor drawn = drawn_for_own_images(maps[i]);
      const at::Tensor kept = drawn.le(1 - step.options.of<MgdOptions>().hidden_share).to(maps[i].scalar_type());
      maps[i] = generators_->at<torch::nn::SequentialImpl>(i).forward(maps[i] * kept);
    }
    return maps;
  }

  at::Tensor loss(DistillStep& step) {
    const std::vector<at::Tensor> student = generated(step), teacher = pyramid_features(step.inputs.teacher);
    if (!step.default_region()) {
      const at::Tensor errors = squared_errors(step, step.region, student, teacher);
      return weighted_mean(errors, step.regions.region(step.region).weights) *
             (reference_channels * reference_locations);
    }
    at::Tensor sum = at::zeros({}, student.front().options());
    double elements = 0;  // of one image
    for (size_t i = 0; i < student.size(); ++i) {
      sum = sum + (student[i] - teacher[i].detach()).square().sum();
      elements += static_cast<double>(student[i][0].numel());
    }
    const double images = step.image_count();
    return step.authors_form() ? sum / images : sum * (reference_channels * reference_locations / (images * elements));
  }

  std::shared_ptr<ChannelAdapters> adapters_;
  torch::nn::ModuleList generators_;
};

}  // namespace

void bind(OptionSection section, MgdOptions& options) {
  section.add("weight", options.weight, "weight of the term", at_least(0));
  section.add("hidden_share", options.hidden_share, "share of the cells that the generator does not see",
              between(0, 1));
}

MethodPtr make_mgd(const MethodContext& context) { return std::make_shared<Mgd>(context); }

}  // namespace skylift
