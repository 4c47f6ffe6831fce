#include "skylift/kd/distiller.h"

#include <fmt/ranges.h>

#include "skylift/core/error.h"
#include "skylift/kd/methods.h"

namespace skylift {
namespace {

void check_fit(const MethodInfo& method, const ModelShape& student, const ModelShape& teacher) {
  if (method.same_classes && student.classes != teacher.classes) {
    throw Error("kd.methods: '{}': the teacher has {} classes, the student {}; they must be the same", method.name, teacher.classes,
                student.classes);
  }
  if (method.same_bins && student.reg_max != teacher.reg_max) {
    throw Error("kd.methods: '{}': the teacher has head.reg_max {}, the student {}; set the student's to the teacher's", method.name,
                teacher.reg_max, student.reg_max);
  }
  if (student.strides != teacher.strides) {
    throw Error("kd.methods: '{}': the teacher's levels have strides {}, the student's {}; set neck.first_level and neck.last_level alike",
                method.name, fmt::join(teacher.strides, ","), fmt::join(student.strides, ","));
  }
}

}  // namespace

Distiller::Distiller(const DistillOptions& options, const ModelShape& student, const ModelShape& teacher, const AtssOptions& atss)
    : options_(options), atss_(atss) {
  for (const std::string& name : options.methods) {
    const MethodInfo& method = find_distill_method(name);
    check_fit(method, student, teacher);
    methods_.push_back(register_module(name, method.make(options_, student, teacher)));
  }
}

LossTerms Distiller::operator()(const DistillInputs& inputs, double strength) {
  LossTerms terms;
  if (strength == 0) return terms;
  RegionSet regions(inputs, options_.regions, atss_);
  DistillStep step{inputs, options_, regions, terms};
  for (const MethodPtr& method : methods_) method->add_terms(step);
  for (LossTerm& term : terms) term.value = term.value * strength;
  return terms;
}

ModelShape model_shape(const ModelOptions& options, int class_count) {
  ModelShape shape{class_count, options.head.reg_max, options.neck.channels, {}};
  for (int level = options.neck.first_level; level <= options.neck.last_level; ++level) shape.strides.push_back(1 << level);
  return shape;
}

}  // namespace skylift
