#include "skylift/kd/pkd.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/dist/processes.h"
#include "skylift/kd/features.h"

namespace skylift {
namespace {

std::vector<at::Tensor> all_standardised(std::vector<at::Tensor> maps) {
  for (at::Tensor& map : maps) map = standardised(map);
  return maps;
}

class Pkd final : public DistillMethod {
 public:
  explicit Pkd(const MethodContext& context)
      : adapters_(register_module("adapters", pyramid_adapters("pkd", context))) {}

  void add_terms(DistillStep& step) override {
    step.add("kd_pkd", step.options.of<PkdOptions>().weight, [&] { return loss(step); });
  }

 private:
  at::Tensor loss(DistillStep& step) {
    if (!step.default_region() && step.options.of<PkdOptions>().statistics == "region") return region_loss(step);
    const std::vector<at::Tensor> student = all_standardised(adapted_features(step, *adapters_));
    const std::vector<at::Tensor> teacher = all_standardised(pyramid_features(step.inputs.teacher));
    if (!step.default_region()) {
      const at::Tensor errors = squared_errors(step, step.region, student, teacher);
      return weighted_mean(errors, step.regions.region(step.region).weights) *
             (static_cast<double>(student.size()) / 2);
    }
    at::Tensor sum = at::zeros({}, student.front().options());
    for (size_t i = 0; i < student.size(); ++i) sum = sum + (student[i] - teacher[i].detach()).square().mean() / 2;
    return sum / process_count();
  }

  /// Standardised per channel over the region's rows of all levels together.
  at::Tensor region_loss(DistillStep& step) {
    const Region& region = step.regions.region(step.region);
    const PointGather& gather = step.regions.gather(step.region);
    const at::Tensor student = adapters_->at_points(gather, step.inputs.student),
                     teacher = gather_features(gather, step.inputs.teacher).detach();
    const at::Tensor weights = region.weights / region.weights.sum().clamp_min(1e-12);
    const auto standard = [&](const at::Tensor& rows) {
      const at::Tensor w = weights.unsqueeze(1), centred = rows - (rows * w).sum(0, true);
      return centred / ((centred.square() * w).sum(0, true).clamp_min(1e-12).sqrt() + 1e-6);
    };
    return ((standard(student) - standard(teacher)).square().mean(1) * weights).sum() *
           (static_cast<double>(step.inputs.grid.levels.size()) / 2 / process_count());  // of each process's own rows
  }

  std::shared_ptr<ChannelAdapters> adapters_;
};

}  // namespace

at::Tensor standardised(const at::Tensor& map) {
  const double count = static_cast<double>(map.numel() / std::max<int64_t>(map.size(1), 1));
  const double processes = process_count();  // all have maps of one size
  const at::Tensor centred = map - sum_over_processes(map.mean({0, 2, 3}, /*keepdim=*/true)) / processes;
  const at::Tensor variance =
      sum_over_processes(centred.square().sum({0, 2, 3}, /*keepdim=*/true)) / std::max(count * processes - 1, 1.0);
  // A constant channel has no pattern: the clamp keeps the root's gradient finite there.
  return centred / (variance.clamp_min(1e-12).sqrt() + 1e-6);
}

void bind(OptionSection section, PkdOptions& options) {
  section.add("weight", options.weight, "weight of the term", at_least(0));
  section.add("statistics", options.statistics, "of what channels are standardised: whole maps, or the region",
              one_of({"map", "region"}));
}

MethodPtr make_pkd(const MethodContext& context) { return std::make_shared<Pkd>(context); }

}  // namespace skylift
