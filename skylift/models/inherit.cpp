#include "skylift/models/inherit.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "skylift/models/tensor_file.h"

namespace skylift {
namespace {

/// Beginnings of the names of tensors that mean something else in the teacher, or nothing.
std::vector<std::string> kept_tensors(const Detector& student, const Detector& teacher) {
  std::vector<std::string> names = {"head.lifting."};
  if (teacher.options().head.lifting.folded) {
    names.insert(names.end(), {"head.cls_predictor.", "head.box_predictor."});
  }
  if (student.options().head.reg_max != teacher.options().head.reg_max) names.push_back("head.box_predictor.");
  const NeckOptions &levels = student.options().neck, &its = teacher.options().neck;
  if (levels.first_level != its.first_level || levels.last_level != its.last_level) {
    names.push_back("head.level_scales");
  }
  for (size_t i = 0; i < student.backbone().out_channels().size(); ++i) {  // of C2..C5
    if (student.backbone().out_channels()[i] == teacher.backbone().out_channels()[i]) continue;
    names.push_back(fmt::format("neck.lateral{}.weight", i + 2));
  }
  return names;
}

bool begins_with_one_of(const std::string& name, const std::vector<std::string>& beginnings) {
  return std::ranges::any_of(beginnings, [&](const std::string& beginning) { return name.starts_with(beginning); });
}

bool is_at_least(at::IntArrayRef larger, at::IntArrayRef smaller) {
  return larger.size() == smaller.size() &&
         std::equal(larger.begin(), larger.end(), smaller.begin(), std::greater_equal());
}

/// Evenly spaced entries of every dimension.
at::Tensor selection(at::Tensor values, at::IntArrayRef sizes) {
  for (int64_t dim = 0; dim < values.dim(); ++dim) {
    const int64_t from = values.size(dim), to = sizes[static_cast<size_t>(dim)];
    if (from == to) continue;
    const at::Tensor index = at::arange(to, values.options().dtype(at::kLong)) * from;
    values = values.index_select(dim, index.floor_divide(to));
  }
  return values;
}

}  // namespace

InheritReport inherit(Detector& student, const Detector& teacher) {
  std::map<std::string, at::Tensor> given;
  for (const NamedTensor& entry : named_state(teacher)) given[entry.name] = entry.tensor;
  const std::vector<std::string> keeps = kept_tensors(student, teacher);
  InheritReport report;
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_state(student)) {
    if (name.starts_with("backbone.")) continue;
    const auto found = given.find(name);
    if (found == given.end() || begins_with_one_of(name, keeps) ||
        !is_at_least(found->second.sizes(), tensor.sizes())) {
      report.kept.push_back(name);
      continue;
    }
    tensor.copy_(selection(found->second, tensor.sizes()));
    report.inherited.push_back(name);
  }
  return report;
}

}  // namespace skylift
