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

using Needs = std::function<SignalNeeds(const DistillOptions&)>;

/// At kd.region, or at the method's own regions; CID keeps to its own.
Needs logits_at(std::vector<std::string> own, bool cls, bool box) {
  return [=](const DistillOptions& options) {
    const bool by_default = options.region == "default" || own.front() == "cid";
    return SignalNeeds{by_default ? own : std::vector<std::string>{options.region}, cls, box, ""};
  };
}

Needs not_stored(const std::string& what) {
  return [=](const DistillOptions&) { return SignalNeeds{{}, false, false, what}; };
}

SignalNeeds cwd_needs(const DistillOptions& options) {
  if (options.cwd.source == "features") return not_stored("the teacher's pyramid features")(options);
  return logits_at({"grid"}, true, false)(options);
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
       "Du et al. 2024, arXiv 2411.02861",
       true,
       true,
       false,
       function(add_cid_terms),
       {"kd_cid_cls", "kd_cid_box"},
       logits_at({"cid"}, true, true)},
      {"ld",
       "box distributions at the positives and in the valuable region",
       "Zheng et al. 2022, Localization Distillation",
       true,
       false,
       false,
       function(add_ld_terms),
       {"kd_ld_main", "kd_ld_vlr", "kd_ld"},
       logits_at({"positives", "vlr"}, false, true)},
      {"logit",
       "class scores, as sigmoids or as a softmax",
       "Hinton et al. 2015",
       false,
       true,
       false,
       function(add_logit_kd_terms),
       {"kd_logit"},
       logits_at({"positives"}, true, false)},
      {"bckd",
       "class scores as sigmoids under a focal factor, boxes by their overlap with the teacher's",
       "Yang et al. 2023, Bridging Cross-task Protocol Inconsistency",
       false,
       true,
       false,
       function(add_bckd_terms),
       {"kd_bckd_cls", "kd_bckd_box"},
       logits_at({"all"}, true, true)},
      {"pkd",
       "pyramid features, standardised per channel",
       "Cao et al. 2022, PKD",
       false,
       false,
       false,
       make_pkd,
       {"kd_pkd"},
       not_stored("the teacher's pyramid features")},
      {"cwd",
       "each channel's map as a distribution over its cells",
       "Shu et al. 2021, Channel-wise Distillation",
       false,
       true,
       false,
       make_cwd,
       {"kd_cwd"},
       cwd_needs},
      {"dist",
       "correlation of class predictions, between classes and between locations",
       "Huang et al. 2022, DIST",
       false,
       true,
       false,
       function(add_dist_terms),
       {"kd_dist_inter", "kd_dist_intra"},
       logits_at({"positives"}, true, false)},
      {"fitnet",
       "pyramid features inside objects",
       "Romero et al. 2015, FitNets; Chen et al. 2017",
       false,
       false,
       false,
       make_fitnet,
       {"kd_fitnet"},
       not_stored("the teacher's pyramid features")},
      {"mgd",
       "the teacher's pyramid features generated from partly hidden ones",
       "Yang et al. 2022, MGD",
       false,
       false,
       false,
       make_mgd,
       {"kd_mgd"},
       not_stored("the teacher's pyramid features")},
      {"fgd",
       "pyramid features under the teacher's attention, foreground and background apart, and their relations",
       "Yang et al. 2022, FGD",
       false,
       false,
       false,
       make_fgd,
       {"kd_fgd_foreground", "kd_fgd_background", "kd_fgd_attention", "kd_fgd_relation"},
       not_stored("the teacher's pyramid features")},
      {"crosskd",
       "the student's head features through the teacher's head",
       "Wang et al. 2024, CrossKD",
       true,
       true,
       true,
       make_crosskd,
       {"kd_crosskd_cls", "kd_crosskd_box"},
       not_stored("the teacher's head, through which the student's features run")},
  };
  return methods;
}

std::vector<std::string> distill_method_names() {
  std::vector<std::string> names;
  for (const MethodInfo& method : distill_methods()) names.push_back(method.name);
  return names;
}

SignalNeeds signal_needs(const DistillOptions& options) {
  SignalNeeds all;
  for (const std::string& name : options.methods) {
    const SignalNeeds needs = find_distill_method(name).needs(options);
    if (!needs.why_not.empty()) {
      throw Error(
          "kd.cache: '{}' needs {}, which is not stored (hint: leave kd.cache empty, or choose among cid, ld, logit, "
          "bckd, dist and cwd on logits)",
          name, needs.why_not);
    }
    all.cls |= needs.cls;
    all.box |= needs.box;
    for (const std::string& region : needs.regions) {
      if (std::find(all.regions.begin(), all.regions.end(), region) == all.regions.end()) all.regions.push_back(region);
    }
  }
  return all;
}

const MethodInfo& find_distill_method(std::string_view name) {
  for (const MethodInfo& method : distill_methods()) {
    if (method.name == name) return method;
  }
  throw Error("kd.methods: no method '{}'{}", name, suggestion(name, distill_method_names()));
}

}  // namespace skylift
