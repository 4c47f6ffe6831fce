#include "skylift/kd/distill_options.h"

#include "skylift/kd/methods.h"

namespace skylift {

void bind(OptionSection section, DistillOptions& options) {
  std::vector<std::string> regions = region_names();
  regions.insert(regions.begin(), "default");
  section.add("methods", options.methods, "what is distilled", one_of(distill_method_names()));
  section.add("region", options.region, "where every method looks; default: each method's own region", one_of(regions));
  section.add("normalise", options.normalise, "strength independent of crowding and batch size, or as published",
              one_of({"region", "authors"}));
  section.add("inherit", options.inherit,
              "the student begins with the teacher's neck and head, as those of FGD and MGD do");
  section.add("calibrate", options.calibrate,
              "each term starts at this fraction of the detection loss; 0: at its own weight", between(0, 100));
  section.add("calibrate_batches", options.calibrate_batches, "batches by which kd.calibrate sets the weights",
              between(1, 100000));
  section.add("teacher_classes", options.teacher_classes,
              "FROM=TO: a class of another tool's teacher is the data's TO; FROM= is none; others meet by name");
  section.add("teacher_scale", options.teacher_scale, "the teacher sees the images so many times as large",
              between(1, 8));
  section.add("teacher_flip", options.teacher_flip,
              "the mean of the teacher's answers to an image and to its mirror image");
  section.add("teacher_finer", options.teacher_finer,
              "levels of the student that are finer than the teacher's learn from the teacher's finest one");
  section.add("teacher_fold", options.teacher_fold,
              "the student's finest level learns what finer levels of the teacher find, too");
  section.add("cache", options.cache,
              "file of stored teacher signals, made where it is missing; empty: the teacher runs in every step");
  section.add("warmup_steps", options.warmup_steps, "the strength grows to 1 over so many optimizer steps",
              at_least(0));
  section.add("stop_epoch", options.stop_epoch,
              "nothing is distilled from this epoch on (the first is 0); 0: never stops", at_least(0));
  section.add("teacher_check_images", options.teacher_check_images,
              "validation images that score the teacher before the run; 0: none", at_least(0));
  section.add("min_teacher_ap50", options.min_teacher_ap50, "a teacher under this AP50 stops the run", between(0, 1));
  bind(section.section("regions"), options.regions);
  for (const MethodInfo& method : distill_methods()) {
    OptionSection own = section.section(method.name);
    method.bind(own, options);
    if (method.takes_region)
      own.add("region", options.own_region(method.name), "where it looks; default: as kd.region says", one_of(regions));
  }
}

}  // namespace skylift
