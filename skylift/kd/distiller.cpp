#include "skylift/kd/distiller.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/kd/common_inputs.h"
#include "skylift/kd/methods.h"

namespace skylift {
namespace {

void check_shown(const MethodInfo& method, const ModelShape& teacher, const DistillOptions& options) {
  const std::string missing = method.not_shown_by(teacher, options);
  if (missing.empty()) return;
  std::vector<std::string> served;
  for (const MethodInfo& other : distill_methods()) {
    if (other.not_shown_by(teacher, options).empty()) served.push_back(other.name);
  }
  throw Error("kd.methods: '{}' needs {}, which this teacher does not show (hint: --method with some of {})",
              method.name, missing, fmt::join(served, ", "));
}

void check_fit(const MethodInfo& method, const ModelShape& student, const ModelShape& teacher) {
  if (method.same_classes && student.classes != teacher.classes) {
    throw Error("kd.methods: '{}': the teacher has {} classes, the student {}; they must be the same", method.name,
                teacher.classes, student.classes);
  }
  if (method.same_bins && student.reg_max != teacher.reg_max) {
    throw Error("kd.methods: '{}': the teacher has head.reg_max {}, the student {} (hint: --set model.head.reg_max={})",
                method.name, teacher.reg_max, student.reg_max, teacher.reg_max);
  }
  const bool fits = method.same_levels ? student.strides == teacher.strides
                                       : !common_strides(student.strides, teacher.strides).empty();
  if (!fits) {
    throw Error(
        "kd.methods: '{}': the teacher's levels have strides {}, the student's {}; set neck.first_level and "
        "neck.last_level alike",
        method.name, fmt::join(teacher.strides, ","), fmt::join(student.strides, ","));
  }
}

/// With the lifted prediction in the place of the plain one.
DenseOutput distilled_side(DenseOutput output) {
  if (!output.has_lifted()) return output;
  for (LevelOutput& level : output.levels) {
    level.cls_logits = level.lifted_cls_logits;
    level.box_logits = level.lifted_box_logits;
  }
  return output;
}

}  // namespace

Distiller::Distiller(const DistillOptions& options, Detector& student, Detector& teacher, const AtssOptions& atss)
    : options_(options), atss_(atss) {
  make_methods(model_shape(student), model_shape(teacher), &student, &teacher);
}

Distiller::Distiller(const DistillOptions& options, Detector& student, const ModelShape& teacher_shape,
                     Detector* teacher, const AtssOptions& atss)
    : options_(options), atss_(atss) {
  make_methods(model_shape(student), teacher_shape, &student, teacher);
}

Distiller::Distiller(const DistillOptions& options, const ModelShape& student, const ModelShape& teacher,
                     const AtssOptions& atss)
    : options_(options), atss_(atss) {
  make_methods(student, teacher, nullptr, nullptr);
}

void Distiller::make_methods(const ModelShape& student, const ModelShape& teacher, Detector* student_model,
                             Detector* teacher_model) {
  std::vector<std::string> terms;
  for (const std::string& name : options_.methods) {
    const MethodInfo& method = find_distill_method(name);
    terms.insert(terms.end(), method.terms.begin(), method.terms.end());
    check_shown(method, teacher, options_);
    check_fit(method, student, teacher);
    MethodContext context{options_, student, teacher, student_model, teacher_model};
    context.student.strides = context.teacher.strides = common_strides(student.strides, teacher.strides);
    methods_.push_back(register_module(name, method.make(context)));
  }
  if (options_.calibrate > 0) {
    calibration_ = register_module(
        "calibration", std::make_shared<Calibration>(terms, options_.calibrate, options_.calibrate_batches));
  }
  if (options_.warmup_steps > 0) steps_ = register_buffer("warmup_steps", at::zeros({}, at::kLong));
}

bool Distiller::active() const {
  return !methods_.empty() && (options_.stop_epoch == 0 || epoch_ < options_.stop_epoch);
}

bool Distiller::reads_features() const {
  return std::ranges::any_of(options_.methods, [this](const std::string& name) {
    return !find_distill_method(name).reads(options_).why_not.empty();
  });
}

double Distiller::warmup_strength() {
  if (options_.warmup_steps == 0) return 1;
  if (batch_ == 0) steps_.add_(1);
  batch_ = (batch_ + 1) % batches_per_step_;
  return std::min(1.0, static_cast<double>(steps_.item<int64_t>()) / options_.warmup_steps);
}

void Distiller::add_terms(const DistillInputs& inputs, LossTerms& terms) {
  RegionSet regions(inputs, options_.regions, atss_);
  DistillStep step{inputs, options_, regions, terms, {}};
  for (size_t i = 0; i < methods_.size(); ++i) {
    step.region = find_distill_method(options_.methods[i]).region_under(options_);
    methods_[i]->add_terms(step);
  }
}

LossTerms Distiller::operator()(const DistillInputs& inputs, const at::Tensor& detection_loss) {
  LossTerms terms;
  if (!active()) return terms;
  const DenseOutput student = distilled_side(inputs.student);
  const CommonInputs common({inputs.batch, inputs.grid, inputs.assignment, student, inputs.teacher, inputs.stored});
  add_terms(common.inputs(), terms);
  if (calibration_) calibration_->apply(terms, detection_loss);
  const double strength = warmup_strength();
  if (strength < 1) {
    for (LossTerm& term : terms) term.value = term.value * strength;
  }
  return terms;
}

}  // namespace skylift
