#include "skylift/kd/fitnet.h"

#include "skylift/kd/features.h"

namespace skylift {
namespace {

class Fitnet final : public DistillMethod {
 public:
  explicit Fitnet(const MethodContext& context)
      : adapters_(register_module("adapters", pyramid_adapters("fitnet", context))) {}

  void add_terms(DistillStep& step) override {
    step.add("kd_fitnet", step.options.of<FitnetOptions>().weight, [&] {
      const std::string where = step.region_or("boxes");
      const PointGather& gather = step.regions.gather(where);
      const at::Tensor errors =
          adapters_->at_points(gather, step.inputs.student) - gather_features(gather, step.inputs.teacher).detach();
      return weighted_mean(errors.square().mean(1), step.regions.region(where).weights);
    });
  }

 private:
  std::shared_ptr<ChannelAdapters> adapters_;
};

}  // namespace

void bind(OptionSection section, FitnetOptions& options) {
  section.add("weight", options.weight, "weight of the term", at_least(0));
}

MethodPtr make_fitnet(const MethodContext& context) { return std::make_shared<Fitnet>(context); }

}  // namespace skylift
