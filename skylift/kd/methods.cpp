#include "skylift/kd/methods.h"

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/kd/crosskd.h"
#include "skylift/kd/cwd.h"
#include "skylift/kd/fgd.h"
#include "skylift/kd/fitnet.h"
#include "skylift/kd/mgd.h"
#include "skylift/kd/pkd.h"

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
  return [add_terms](const MethodContext&) { return function_method(add_terms); };
}

}  // namespace

double DistillStep::positive_count() const {
  int64_t count = 0;
  for (const int64_t positives : inputs.assignment.positives_per_image) count += std::max<int64_t>(positives, 1);
  return static_cast<double>(std::max<int64_t>(count, 1));
}

MethodPtr function_method(std::function<void(DistillStep&)> add_terms) {
  return std::make_shared<FunctionMethod>(std::move(add_terms));
}

const std::vector<MethodInfo>& distill_methods() {
  static const std::vector<MethodInfo> methods = {
      {"cid",
       "classes and box distributions around instances, weighted by centerness (reconstruction from the abstract)",
       "Du et al. 2024, arXiv 2411.02861", true, true, false, function(add_cid_terms)},
      {"ld", "box distributions at the positives and in the valuable region",
       "Zheng et al. 2022, Localization Distillation", true, false, false, function(add_ld_terms)},
      {"logit", "class scores, as sigmoids or as a softmax", "Hinton et al. 2015", false, true, false,
       function(add_logit_kd_terms)},
      {"bckd", "class scores as sigmoids under a focal factor, boxes by their overlap with the teacher's",
       "Yang et al. 2023, Bridging Cross-task Protocol Inconsistency", false, true, false, function(add_bckd_terms)},
      {"pkd", "pyramid features, standardised per channel", "Cao et al. 2022, PKD", false, false, false, make_pkd},
      {"cwd", "each channel's map as a distribution over its cells", "Shu et al. 2021, Channel-wise Distillation",
       false, true, false, make_cwd},
      {"dist", "correlation of class predictions, between classes and between locations", "Huang et al. 2022, DIST",
       false, true, false, function(add_dist_terms)},
      {"fitnet", "pyramid features inside objects", "Romero et al. 2015, FitNets; Chen et al. 2017", false, false,
       false, make_fitnet},
      {"mgd", "the teacher's pyramid features generated from partly hidden ones", "Yang et al. 2022, MGD", false, false,
       false, make_mgd},
      {"fgd", "pyramid features under the teacher's attention, foreground and background apart, and their relations",
       "Yang et al. 2022, FGD", false, false, false, make_fgd},
      {"crosskd", "the student's head features through the teacher's head", "Wang et al. 2024, CrossKD", true, true,
       true, make_crosskd},
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
