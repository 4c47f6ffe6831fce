#include "skylift/kd/distill_options.h"

#include <algorithm>

#include "skylift/kd/methods.h"

namespace skylift {

void bind(OptionSection section, DistillOptions& options) {
  std::vector<std::string> regions = region_names();
  regions.insert(regions.begin(), "default");
  section.add("methods", options.methods, "what is distilled", one_of(distill_method_names()));
  section.add("region", options.region, "where every method looks; default: each method's own region", one_of(regions));
  section.add("normalise", options.normalise, "strength independent of crowding and batch size, or as published", one_of({"region", "authors"}));
  section.add("warmup_steps", options.warmup_steps, "the strength grows from 0 over so many optimizer steps", at_least(0));
  section.add("stop_epoch", options.stop_epoch, "nothing is distilled from this epoch on (the first is 0); 0: never stops", at_least(0));
  section.add("teacher_check_images", options.teacher_check_images,
              "validation images the teacher is scored on before training, 0: it is trusted", at_least(0));
  section.add("min_teacher_ap50", options.min_teacher_ap50, "a teacher that scores less stops the run", between(0, 1));
  bind(section.section("regions"), options.regions);
  bind(section.section("ld"), options.ld);
  bind(section.section("logit"), options.logit);
  bind(section.section("cid"), options.cid);
}

double distill_strength(const DistillOptions& options, int64_t step, int epoch) {
  if (options.stop_epoch > 0 && epoch >= options.stop_epoch) return 0;
  return options.warmup_steps > 0 ? std::min(1.0, static_cast<double>(step) / options.warmup_steps) : 1.0;
}

}  // namespace skylift
