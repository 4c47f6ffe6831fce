#include "skylift/kd/cwd.h"

#include <ATen/Functions.h>

#include "skylift/boxes/in_float.h"
#include "skylift/dist/processes.h"
#include "skylift/kd/features.h"

namespace skylift {
namespace {

constexpr double kNever = -1e9;  // finite: minus infinity would give nan on a map without any cell

std::vector<at::Tensor> class_maps(const DenseOutput& output) {
  std::vector<at::Tensor> maps;
  for (const LevelOutput& level : output.levels) {
    maps.push_back(in_float(level.cls_logits));
  }
  return maps;
}

class Cwd final : public DistillMethod {
 public:
  explicit Cwd(const MethodContext& context) {
    const bool features = context.options.of<CwdOptions>().source == "features";
    const int student = features ? context.student.channels : context.student.classes;
    const int teacher = features ? context.teacher.channels : context.teacher.classes;
    adapters_ = register_module(
        "adapters", std::make_shared<ChannelAdapters>("cwd", student, teacher, context.student.strides.size()));
  }

  void add_terms(DistillStep& step) override {
    step.add("kd_cwd", step.options.of<CwdOptions>().weight, [&] { return loss(step); });
  }

 private:
  at::Tensor loss(DistillStep& step) {
    const bool features = step.options.of<CwdOptions>().source == "features";
    const std::vector<at::Tensor> student =
        (*adapters_)(features ? pyramid_features(step.inputs.student) : class_maps(step.inputs.student));
    const ClassMaps teacher_classes = features ? ClassMaps{} : step.regions.teacher_class_maps();
    const std::vector<at::Tensor> teacher = features ? pyramid_features(step.inputs.teacher) : teacher_classes.logits;
    std::vector<at::Tensor> weights(student.size());
    if (!teacher_classes.known.empty()) weights = teacher_classes.known;
    if (!step.default_region())
      weights = region_maps(step.regions.region(step.region), step.inputs.grid, student.front().size(0));
    at::Tensor sum = at::zeros({}, student.front().options());
    for (size_t i = 0; i < student.size(); ++i)
      sum = sum + channel_wise_kl(student[i], teacher[i], step.options.of<CwdOptions>().temperature, weights[i]);
    return sum / process_count();  // a mean over images
  }

  std::shared_ptr<ChannelAdapters> adapters_;
};

}  // namespace

at::Tensor channel_wise_kl(const at::Tensor& student, const at::Tensor& teacher, double temperature,
                           const at::Tensor& weights) {
  at::Tensor s = student.flatten(2) / temperature, t = teacher.detach().flatten(2) / temperature;  // [B,K,H*W]
  if (weights.defined()) {
    const at::Tensor w = weights.flatten(2);  // [B,1,H*W]
    const at::Tensor log_weight = at::where(w.gt(0), w.clamp_min(1e-30).log(), at::full_like(w, kNever));
    s = s + log_weight;
    t = t + log_weight;
  }
  const at::Tensor log_p = s.log_softmax(2), log_q = t.log_softmax(2);
  at::Tensor kl = (log_q.exp() * (log_q - log_p)).sum(2);  // [B,K]
  if (weights.defined()) kl = kl * weights.flatten(2).gt(0).any(2);
  return kl.sum() * (temperature * temperature / static_cast<double>(student.size(0) * student.size(1)));
}

void bind(OptionSection section, CwdOptions& options) {
  section.add("source", options.source, "class logits or pyramid features", one_of({"logits", "features"}));
  section.add("weight", options.weight, "weight of the term (published: 5 on logits, 10 on features)", at_least(0));
  section.add("temperature", options.temperature, "softens both distributions", between(0.1, 100));
}

MethodPtr make_cwd(const MethodContext& context) { return std::make_shared<Cwd>(context); }

}  // namespace skylift
