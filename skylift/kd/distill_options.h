// Options of distillation: which methods, where, how strongly.
#pragma once

#include <any>
#include <map>
#include <string>
#include <typeindex>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/kd/regions.h"

namespace skylift {

struct DistillOptions {
  std::vector<std::string> methods = {"bckd"};  ///< names of distill_methods()
  std::string region = "default";    ///< region of every method: one of region_names(), or "default", each method's own
  std::string normalise = "region";  ///< "region": strength independent of crowding and batch; "authors": as published
  bool inherit = false;              ///< the student begins with the teacher's neck and head (models/inherit.h)
  double calibrate = 0;  ///< each term starts at this fraction of the detection loss (calibration.h); 0: its own weight
  int calibrate_batches = 20;  ///< batches that calibrate
  std::vector<std::string>
      teacher_classes;         ///< "FROM=TO": a class of the teacher is the data's TO (teachers/class_map.h)
  int teacher_scale = 1;       ///< the teacher sees the images so many times as large
  bool teacher_flip = false;   ///< the mean of the teacher's answers to an image and its mirror image
  bool teacher_finer = false;  ///< levels that the teacher lacks, finer than its own, from its finest one
  bool teacher_fold = true;    ///< levels that the student lacks, finer than its own, are folded into its finest one
  std::string cache;           ///< file of stored teacher signals, made if it is not there; empty: the teacher runs
  int warmup_steps = 0;        ///< the strength grows linearly to 1 over so many optimizer steps
  int stop_epoch = 0;          ///< from this epoch on (0 the first) nothing is distilled; 0: never stops
  int teacher_check_images = 200;  ///< validation images on which the teacher is scored before the run; 0: not scored
  double min_teacher_ap50 = 0.02;  ///< a teacher under this AP50 (0..1) stops the run
  RegionOptions regions;

  /// A method's own options, e.g. of<LdOptions>().temperature. By type, so that this file need not know the methods.
  template <class Options>
  Options& of() {
    std::any& held = by_method_[typeid(Options)];
    if (!held.has_value()) held = Options{};
    return std::any_cast<Options&>(held);
  }
  template <class Options>
  const Options& of() const {
    static const Options defaults;
    const auto found = by_method_.find(typeid(Options));
    return found == by_method_.end() ? defaults : std::any_cast<const Options&>(found->second);
  }

  /// A method's own setting of `region` (kd.METHOD.region); "default": it follows `region`.
  std::string& own_region(const std::string& method) {
    return own_regions_.try_emplace(method, "default").first->second;
  }

  /// Where a method looks: its own setting, else that of all methods. "default": the method's own region.
  std::string region_of(const std::string& method) const {
    const auto found = own_regions_.find(method);
    return found == own_regions_.end() || found->second == "default" ? region : found->second;
  }

 private:
  std::map<std::type_index, std::any> by_method_;
  std::map<std::string, std::string> own_regions_;
};

void bind(OptionSection section, DistillOptions& options);

}  // namespace skylift
