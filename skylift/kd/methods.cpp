#include "skylift/kd/methods.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/kd/bckd.h"
#include "skylift/kd/cid_loss.h"
#include "skylift/kd/crosskd.h"
#include "skylift/kd/cwd.h"
#include "skylift/kd/dist.h"
#include "skylift/kd/fgd.h"
#include "skylift/kd/fitnet.h"
#include "skylift/kd/ld.h"
#include "skylift/kd/logit_kd.h"
#include "skylift/kd/mgd.h"
#include "skylift/kd/pkd.h"
#include "skylift/losses/detection_loss.h"

namespace skylift {
namespace {

/// A method without anything to train.
auto function(void (*add_terms)(DistillStep&)) {
  return [add_terms](const MethodContext&) { return function_method(add_terms); };
}

/// Binds the options struct of a method.
template <class Options>
void bind_options(OptionSection section, DistillOptions& options) {
  bind(section, options.of<Options>());
}

auto logits(bool cls, bool box) {
  return [=](const DistillOptions&) { return SignalNeeds{.cls = cls, .box = box}; };
}

auto not_stored(const std::string& what) {
  return [=](const DistillOptions&) { return SignalNeeds{.why_not = what}; };
}

const char* const kPyramid = "the teacher's pyramid features";

SignalNeeds cwd_reads(const DistillOptions& options) {
  return options.of<CwdOptions>().source == "features" ? SignalNeeds{.why_not = kPyramid} : SignalNeeds{.cls = true};
}

}  // namespace

const std::vector<MethodInfo>& distill_methods() {
  static const std::vector<MethodInfo> methods = {
      {.name = "cid",
       .summary =
           "classes and box distributions around instances, weighted by centerness (reconstruction from the abstract)",
       .paper = "Du et al. 2024, arXiv 2411.02861",
       .regions = {"cid"},
       .takes_region = false,
       .same_bins = true,
       .same_classes = true,
       .terms = {"kd_cid_cls", "kd_cid_box"},
       .reads = logits(true, true),
       .bind = bind_options<CidLossOptions>,
       .make = function(add_cid_terms)},
      {.name = "ld",
       .summary = "box distributions at the positives and in the valuable region",
       .paper = "Zheng et al. 2022, Localization Distillation",
       .regions = {"positives", "vlr"},
       .same_bins = true,
       .terms = {"kd_ld_main", "kd_ld_vlr", "kd_ld"},
       .reads = logits(false, true),
       .bind = bind_options<LdOptions>,
       .make = function(add_ld_terms)},
      {.name = "logit",
       .summary = "class scores, as sigmoids or as a softmax",
       .paper = "Hinton et al. 2015",
       .regions = {"positives"},
       .same_classes = true,
       .terms = {"kd_logit"},
       .reads = logits(true, false),
       .bind = bind_options<LogitKdOptions>,
       .make = function(add_logit_kd_terms)},
      {.name = "bckd",
       .summary = "class scores as sigmoids under a focal factor, boxes by their overlap with the teacher's",
       .paper = "Yang et al. 2023, Bridging Cross-task Protocol Inconsistency",
       .regions = {"all"},
       .same_classes = true,
       .terms = {"kd_bckd_cls", "kd_bckd_box"},
       .reads = logits(true, true),
       .bind = bind_options<BckdOptions>,
       .make = function(add_bckd_terms)},
      {.name = "pkd",
       .summary = "pyramid features, standardised per channel",
       .paper = "Cao et al. 2022, PKD",
       .regions = {},
       .terms = {"kd_pkd"},
       .reads = not_stored(kPyramid),
       .bind = bind_options<PkdOptions>,
       .make = make_pkd},
      {.name = "cwd",
       .summary = "each channel's map as a distribution over its cells",
       .paper = "Shu et al. 2021, Channel-wise Distillation",
       .regions = {"grid"},
       .same_classes = true,
       .terms = {"kd_cwd"},
       .reads = cwd_reads,
       .bind = bind_options<CwdOptions>,
       .make = make_cwd},
      {.name = "dist",
       .summary = "correlation of class predictions, between classes and between locations",
       .paper = "Huang et al. 2022, DIST",
       .regions = {"positives"},
       .same_classes = true,
       .terms = {"kd_dist_inter", "kd_dist_intra"},
       .reads = logits(true, false),
       .bind = bind_options<DistOptions>,
       .make = function(add_dist_terms)},
      {.name = "fitnet",
       .summary = "pyramid features inside objects",
       .paper = "Romero et al. 2015, FitNets; Chen et al. 2017",
       .regions = {"boxes"},
       .terms = {"kd_fitnet"},
       .reads = not_stored(kPyramid),
       .bind = bind_options<FitnetOptions>,
       .make = make_fitnet},
      {.name = "mgd",
       .summary = "the teacher's pyramid features generated from partly hidden ones",
       .paper = "Yang et al. 2022, MGD",
       .regions = {},
       .terms = {"kd_mgd"},
       .reads = not_stored(kPyramid),
       .bind = bind_options<MgdOptions>,
       .make = make_mgd},
      {.name = "fgd",
       .summary =
           "pyramid features under the teacher's attention, foreground and background apart, and their relations",
       .paper = "Yang et al. 2022, FGD",
       .regions = {},
       .terms = {"kd_fgd_foreground", "kd_fgd_background", "kd_fgd_attention", "kd_fgd_relation"},
       .reads = not_stored(kPyramid),
       .bind = bind_options<FgdOptions>,
       .make = make_fgd},
      {.name = "crosskd",
       .summary = "the student's head features through the teacher's head",
       .paper = "Wang et al. 2024, CrossKD",
       .regions = {"all"},
       .same_bins = true,
       .same_classes = true,
       .same_levels = true,
       .terms = {"kd_crosskd_cls", "kd_crosskd_box"},
       .reads = not_stored("the teacher's head, through which the student's features run"),
       .bind = bind_options<CrossKdOptions>,
       .make = make_crosskd},
  };
  return methods;
}

std::vector<std::string> distill_method_names() {
  std::vector<std::string> names;
  for (const MethodInfo& method : distill_methods()) names.push_back(method.name);
  return names;
}

std::string MethodInfo::not_shown_by(const ModelShape& teacher, const DistillOptions& options) const {
  if (teacher.channels == 0 && !reads(options).why_not.empty()) return reads(options).why_not;
  return same_bins && !teacher.bins ? "the distributions of its boxes" : "";
}

std::string MethodInfo::region_under(const DistillOptions& options) const {
  const std::string asked = takes_region ? options.region_of(name) : "default";
  return regions == std::vector{asked} ? "default" : asked;
}

std::vector<std::string> MethodInfo::regions_under(const DistillOptions& options) const {
  const std::string asked = region_under(options);
  return asked == "default" ? regions : std::vector<std::string>{asked};
}

bool scores_and_boxes_suffice(const DistillOptions& options) {
  const ModelShape teacher{.channels = 0, .strides = {}, .bins = false};
  return std::ranges::all_of(options.methods, [&](const std::string& name) {
    return find_distill_method(name).not_shown_by(teacher, options).empty();
  });
}

SignalNeeds signal_needs(const DistillOptions& options) {
  SignalNeeds all;
  for (const std::string& name : options.methods) {
    const MethodInfo& method = find_distill_method(name);
    const SignalNeeds needs = method.reads(options);
    if (!needs.why_not.empty()) {
      std::vector<std::string> storable;
      for (const MethodInfo& other : distill_methods()) {
        if (other.reads(options).why_not.empty()) storable.push_back(other.name);
      }
      throw Error("kd.cache: '{}' needs {}, which is not stored (hint: leave kd.cache empty, or choose among {})", name,
                  needs.why_not, fmt::join(storable, ", "));
    }
    all.cls |= needs.cls;
    all.box |= needs.box;
    for (const std::string& region : method.regions_under(options)) {
      if (std::ranges::find(all.regions, region) == all.regions.end()) all.regions.push_back(region);
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
