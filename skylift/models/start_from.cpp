#include "skylift/models/start_from.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "skylift/core/error.h"
#include "skylift/models/tensor_file.h"

namespace skylift {
namespace {

constexpr const char* kClassRows = "head.cls_predictor.";

/// [C,...] rows of the classes that both have. Returns their number.
size_t copy_rows(const at::Tensor& own, const std::vector<std::string>& classes, const at::Tensor& given,
                 const std::vector<std::string>& given_classes) {
  size_t copied = 0;
  if (own.sizes().slice(1) != given.sizes().slice(1)) return 0;
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto found = std::ranges::find(given_classes, classes[i]);
    if (found == given_classes.end()) continue;
    own[static_cast<int64_t>(i)].copy_(given[found - given_classes.begin()]);
    ++copied;
  }
  return copied;
}

/// Folded, Light-ML is a part of the predictors, which then mean something else than a student's.
bool means_something_else(const std::string& name, const Detector& given) {
  const bool lifting = name.starts_with("head.lifting.");
  const bool predictor = name.starts_with(kClassRows) || name.starts_with("head.box_predictor.");
  return given.options().head.lifting.folded && (lifting || predictor);
}

std::string some_of(const std::vector<std::string>& names) {
  const size_t shown = std::min<size_t>(names.size(), 6);
  return fmt::format("{}{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                     names.size() > shown ? ", ..." : "");
}

}  // namespace

std::string start_from(Detector& student, const std::vector<std::string>& classes, const Model& model) {
  std::map<std::string, at::Tensor> given;
  for (const NamedTensor& entry : named_state(*model.detector)) given[entry.name] = entry.tensor;
  std::vector<std::string> kept;
  std::set<std::string> own;
  size_t taken = 0, rows = 0;
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_state(student)) {
    own.insert(name);
    const auto found = means_something_else(name, *model.detector) ? given.end() : given.find(name);
    if (found != given.end() && name.starts_with(kClassRows)) {
      const size_t copied = copy_rows(tensor, classes, found->second, model.card.classes);
      rows = std::max(rows, copied);
      taken += copied > 0 ? 1 : 0;
      if (copied == 0) kept.push_back(name);
    } else if (found != given.end() && found->second.sizes() == tensor.sizes()) {
      tensor.copy_(found->second);
      ++taken;
    } else {
      kept.push_back(name);
    }
  }
  if (taken == 0) throw Error("--init: no tensor of the model has the name and shape of one of the student's");
  std::string text = fmt::format("the student begins with {} of its tensors, the predictor with {} of {} classes",
                                 taken, rows, classes.size());
  if (!kept.empty()) text += fmt::format("; {} begin on their own: {}", kept.size(), some_of(kept));
  const bool folded = model.detector->options().head.lifting.folded;
  std::vector<std::string> left;
  for (const auto& [name, tensor] : given) {
    if (!own.contains(name)) left.push_back(name);
  }
  if (!left.empty()) text += fmt::format("; {} of the model's have no place in it: {}", left.size(), some_of(left));
  return folded ? text + " (the model's Light-ML is folded into its predictors)" : text;
}

}  // namespace skylift
