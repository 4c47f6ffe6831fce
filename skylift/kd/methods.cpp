#include "skylift/kd/methods.h"

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

class FunctionMethod final : public DistillMethod {
 public:
  explicit FunctionMethod(std::function<void(DistillStep&)> add_terms) : add_terms_(std::move(add_terms)) {}
  void add_terms(DistillStep& step) override { add_terms_(step); }

 private:
  std::function<void(DistillStep&)> add_terms_;
};

/// A method without anything to train.
auto function(void (*add_terms)(DistillStep&)) {
  return
      [add_terms](const DistillOptions&, const ModelShape&, const ModelShape&) { return function_method(add_terms); };
}

}  // namespace

MethodPtr function_method(std::function<void(DistillStep&)> add_terms) {
  return std::make_shared<FunctionMethod>(std::move(add_terms));
}

const std::vector<MethodInfo>& distill_methods() {
  static const std::vector<MethodInfo> methods = {
      {"cid",
       "classes and box distributions around instances, weighted by centerness (reconstruction from the abstract)",
       "Du et al. 2024, arXiv 2411.02861", true, true, function(add_cid_terms)},
      {"ld", "box distributions at the positives and in the valuable region",
       "Zheng et al. 2022, Localization Distillation", true, false, function(add_ld_terms)},
      {"logit", "class scores, as sigmoids or as a softmax", "Hinton et al. 2015", false, true,
       function(add_logit_kd_terms)},
  };
  return methods;
}

std::vector<std::string> distill_method_names() {
  std::vector<std::string> names;
  for (const MethodInfo& method : distill_methods()) names.push_back(method.name);
  return names;
}

const MethodInfo& find_distill_method(std::string_view name) {
  for (const MethodInfo& method : distill_methods()) {
    if (method.name == name) return method;
  }
  throw Error("kd.methods: no method '{}'{}", name, suggestion(name, distill_method_names()));
}

}  // namespace skylift
