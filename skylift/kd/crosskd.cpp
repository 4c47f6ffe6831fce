#include "skylift/kd/crosskd.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/kd/divergence.h"
#include "skylift/kd/features.h"
#include "skylift/losses/quality_focal.h"
#include "skylift/models/gfl_head.h"

namespace skylift {
namespace {

at::Tensor deviation(const at::Tensor& centred) {
  const double count = static_cast<double>(centred.numel() / std::max<int64_t>(centred.size(1), 1));
  return (centred.square().sum({0, 2, 3}, true) / std::max(count - 1, 1.0)).clamp_min(1e-12).sqrt();
}

/// The output of a tower's first `count` convolutions, before the ReLU of the last; with 0 the feature itself.
at::Tensor run_first(const Tower& tower, int count, const at::Tensor& feature) {
  at::Tensor x = feature;
  for (int i = 0; i < count; ++i) x = tower[i]->forward(i == 0 ? x : x.relu());
  return x;
}

class CrossKd final : public DistillMethod {
 public:
  explicit CrossKd(const MethodContext& context)
      : student_(context.student_model),
        teacher_(context.teacher_model),
        convs_(context.options.of<CrossKdOptions>().tower_convs) {
    if (!student_ || !teacher_) throw Error("kd.methods: 'crosskd' needs the models, not only their shapes");
    const int depth = std::min(context.student.head_depth, context.teacher.head_depth);
    if (convs_ > depth) {
      throw Error(
          "kd.crosskd.tower_convs: got {}, but the heads have {} (student) and {} (teacher) convolutions "
          "a tower; "
          "expected at most {}",
          convs_, context.student.head_depth, context.teacher.head_depth, depth);
    }
    const int student = convs_ == 0 ? context.student.channels : context.student.head_channels;
    const int teacher = convs_ == 0 ? context.teacher.channels : context.teacher.head_channels;
    const size_t levels = context.student.strides.size();
    cls_adapters_ =
        register_module("cls_adapters", std::make_shared<ChannelAdapters>("crosskd", student, teacher, levels));
    reg_adapters_ =
        register_module("reg_adapters", std::make_shared<ChannelAdapters>("crosskd", student, teacher, levels));
  }

  void add_terms(DistillStep& step) override {
    const CrossKdOptions& options = step.options.of<CrossKdOptions>();
    if (options.cls_weight == 0 && options.box_weight == 0) return;
    const DenseOutput cross = cross_output(step);
    const std::string where = step.region_or("all");
    const Region& region = step.regions.region(where);
    const PointGather& gather = step.regions.gather(where);
    const at::Tensor target = step.regions.teacher_cls(where).sigmoid();
    step.add("kd_crosskd_cls", options.cls_weight, [&] {
      const at::Tensor losses = quality_focal_loss(gather_cls_logits(gather, cross), target, 1).sum(1);
      return step.default_region() ? (losses * region.weights).sum() / distilled_count(step.inputs.assignment)
                                   : weighted_mean(losses, region.weights);
    });
    step.add("kd_crosskd_box", options.box_weight, [&] {
      const at::Tensor student = gather_box_logits(gather, cross);
      const at::Tensor losses = softmax_kl(student, step.regions.teacher_box(where), options.box_temperature).mean(1);
      return weighted_mean(losses, target.amax(1) * region.box_weights);
    });
  }

 private:
  std::vector<at::Tensor> aligned(const std::vector<at::Tensor>& student,
                                  const std::vector<at::Tensor>& teacher) const {
    std::vector<at::Tensor> maps;
    for (size_t i = 0; i < student.size(); ++i) maps.push_back(align_statistics(student[i], teacher[i]));
    return maps;
  }

  std::vector<at::Tensor> first_convs(const Tower& tower, const DenseOutput& output) const {
    std::vector<at::Tensor> maps = pyramid_features(output);
    for (at::Tensor& map : maps) map = run_first(tower, convs_, map);
    return maps;
  }

  /// What the teacher's head makes of the student's features.
  DenseOutput cross_output(DistillStep& step) {
    const DistillInputs& inputs = step.inputs;
    GflHead &own = student_->head(), &other = teacher_->head();
    const std::vector<at::Tensor> student_cls = (*cls_adapters_)(first_convs(own.cls_tower(), inputs.student));
    const std::vector<at::Tensor> student_reg = (*reg_adapters_)(first_convs(own.reg_tower(), inputs.student));
    const std::vector<at::Tensor> cls = aligned(student_cls, first_convs(other.cls_tower(), inputs.teacher));
    const std::vector<at::Tensor> reg = aligned(student_reg, first_convs(other.reg_tower(), inputs.teacher));
    DenseOutput cross;
    cross.strides = inputs.student.strides;
    cross.reg_max = inputs.teacher.reg_max;
    for (size_t i = 0; i < cls.size(); ++i) {
      cross.levels.push_back(other.predict_from(i, static_cast<size_t>(convs_), {cls[i], reg[i]}));
    }
    return cross;
  }

  Detector* student_;
  Detector* teacher_;
  int convs_;
  std::shared_ptr<ChannelAdapters> cls_adapters_, reg_adapters_;
};

}  // namespace

at::Tensor align_statistics(const at::Tensor& student, const at::Tensor& teacher) {
  const at::Tensor target = teacher.detach();
  const at::Tensor mean = target.mean({0, 2, 3}, true), centred = student - student.mean({0, 2, 3}, true);
  return centred / (deviation(centred) + 1e-6) * deviation(target - mean) + mean;
}

void bind(OptionSection section, CrossKdOptions& options) {
  section.add("cls_weight", options.cls_weight, "weight of the class term", at_least(0));
  section.add("box_weight", options.box_weight, "weight of the box term", at_least(0));
  section.add("box_temperature", options.box_temperature, "of the divergence of bins", between(0.1, 100));
  section.add("tower_convs", options.tower_convs,
              "convolutions of its own towers that the student runs before the teacher's take over", between(0, 16));
}

MethodPtr make_crosskd(const MethodContext& context) { return std::make_shared<CrossKd>(context); }

}  // namespace skylift
