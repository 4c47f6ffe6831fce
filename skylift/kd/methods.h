// The explicit list of distillation methods. A method is its two files and one row in methods.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/kd/method.h"

namespace skylift {

/// What of a teacher's outputs a method reads, so that it can be stored and read back (kd.cache).
struct SignalNeeds {
  bool cls = false, box = false;          ///< which logits
  std::string why_not = {};               ///< not empty: it reads more than logits, namely this
  std::vector<std::string> regions = {};  ///< at whose locations; "grid": every cell
};

struct MethodInfo {
  std::string name;
  std::string summary;  ///< one line for `skylift methods`
  std::string paper;
  std::vector<std::string> regions;  ///< where it looks by default; empty: over whole maps
  bool takes_region = true;          ///< kd.region and kd.METHOD.region say where it looks instead
  bool same_bins = false;            ///< teacher and student must have the same reg_max
  bool same_classes = false;         ///< and the same number of classes
  bool same_levels = false;          ///< and the same pyramid levels; else their common ones are distilled
  std::vector<std::string> terms;    ///< names of all terms that it may add
  std::function<SignalNeeds(const DistillOptions&)> reads;   ///< all but the regions
  std::function<void(OptionSection, DistillOptions&)> bind;  ///< its options, as kd.NAME.*
  std::function<MethodPtr(const MethodContext&)> make;

  /// What it reads that a teacher of that shape does not show; empty where it shows all.
  std::string not_shown_by(const ModelShape& teacher, const DistillOptions& options) const;
  /// The region that it is asked to look at. "default": its own, also where that one is asked for by its name.
  std::string region_under(const DistillOptions& options) const;
  /// All that it looks at under these options.
  std::vector<std::string> regions_under(const DistillOptions& options) const;
};

const std::vector<MethodInfo>& distill_methods();

/// Error: unknown name (lists the known ones).
const MethodInfo& find_distill_method(std::string_view name);

std::vector<std::string> distill_method_names();

/// Whether scores and boxes of a teacher are all that the chosen methods need.
bool scores_and_boxes_suffice(const DistillOptions& options);

/// Of all chosen methods together. Error: one of them reads what cannot be stored (says what).
SignalNeeds signal_needs(const DistillOptions& options);

}  // namespace skylift
