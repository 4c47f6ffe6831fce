#include "skylift/train/train_options.h"

namespace skylift {

void bind(OptionSection section, TrainOptions& options) {
  section.add("epochs", options.epochs, "passes over the training images", between(1, 100000));
  section.add("batch_size", options.batch_size, "images that a process works on at once", between(1, 4096));
  section.add("accumulate", options.accumulate, "such batches a step: their gradients are averaged", between(1, 4096));
  section.add("recompute", options.recompute,
              "compute the backbone's activations again in the backward pass instead of keeping them: for models that "
              "do not fit");
  section.add("seed", options.seed, "of the weights, the order of the images and the augmentation", at_least(0));
  section.add("eval_every", options.eval_every, "epochs between evaluations; the last epoch is always evaluated",
              at_least(1));
  section.add("checkpoint_every", options.checkpoint_every,
              "steps between saves of resume/, besides the end of each epoch", at_least(1));
  bind(section, options.compute);

  OptionSection optimizer = section.section("optimizer");
  OptimizerOptions& o = options.optimizer;
  optimizer.add("name", o.name, "update rule", one_of({"sgd", "adamw"}));
  optimizer.add("lr", o.lr, "learning rate for steps of 16 images; a step of n, over all processes, uses lr * n / 16",
                between(0, 100));
  optimizer.add("momentum", o.momentum, "of SGD", between(0, 1));
  optimizer.add("weight_decay", o.weight_decay, "L2 for SGD, decoupled for AdamW", between(0, 10));
  optimizer.add("backbone_lr_factor", o.backbone_lr_factor, "times lr for the backbone's parameters", between(0, 100));
  optimizer.add("clip_norm", o.clip_norm, "largest L2 norm of all gradients together, 0: no clipping", at_least(0));

  OptionSection schedule = section.section("schedule");
  ScheduleOptions& s = options.schedule;
  schedule.add("name", s.name, "how lr falls", one_of({"multi_step", "cosine", "constant"}));
  schedule.add("warmup_steps", s.warmup_steps, "steps of linear rise from warmup_factor * lr", at_least(0));
  schedule.add("warmup_factor", s.warmup_factor, "part of lr at the first step", between(0, 1));
  schedule.add("milestones", s.milestones, "multi_step: epochs after which lr is multiplied by gamma", at_least(0));
  schedule.add("gamma", s.gamma, "multi_step: factor at each milestone", between(0, 1));
  schedule.add("final_factor", s.final_factor, "cosine: part of lr at the end", between(0, 1));

  section.section("ema").add("decay", options.ema.decay,
                             "moving average of the weights, which is then evaluated and saved; 0: off", between(0, 1));
}

}  // namespace skylift
