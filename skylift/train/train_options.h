// How a detector is trained: everything but the data, the model and the distillation.
#pragma once

#include <string>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/infer/device.h"

namespace skylift {

struct OptimizerOptions {
  std::string name = "sgd";
  double lr = 0.01;       ///< for steps of 16 images; a step of n, over all processes, uses lr * n / 16
  double momentum = 0.9;  ///< SGD
  double weight_decay = 1e-4;
  double backbone_lr_factor = 1.0;
  double clip_norm = 10;  ///< largest L2 norm of all gradients together; 0: no clipping
};

struct ScheduleOptions {
  std::string name = "multi_step";
  int warmup_steps = 500;  ///< linear rise from warmup_factor * lr
  double warmup_factor = 0.001;
  std::vector<int> milestones = {8, 11};  ///< multi_step: epochs after which lr is multiplied by gamma
  double gamma = 0.1;
  double final_factor = 0.01;  ///< cosine: lr ends at this part of its full value
};

struct EmaOptions {
  double decay = 0;  ///< 0: off. Typical 0.999; the averaged weights are what is evaluated and saved
};

struct TrainOptions {
  int epochs = 12;
  int batch_size = 4;      ///< images that a process works on at once
  int accumulate = 1;      ///< such batches a step: their gradients are averaged
  bool recompute = false;  ///< the backbone's activations: computed twice instead of kept
  int seed = 0;
  int eval_every = 1;          ///< epochs between evaluations; the last epoch is always evaluated
  int checkpoint_every = 200;  ///< steps between saves of resume/, besides the end of each epoch
  DeviceOptions compute;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  EmaOptions ema;

  /// Epochs count from 0.
  bool evaluates(int64_t epoch) const { return (epoch + 1) % eval_every == 0 || epoch + 1 == epochs; }
};

void bind(OptionSection section, TrainOptions& options);

}  // namespace skylift
