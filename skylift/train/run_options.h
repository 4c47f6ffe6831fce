// Everything that a training run is made of, as one tree of options: what a config file, --set and config.toml talk
// about.
#pragma once

#include "skylift/assign/atss.h"
#include "skylift/config/option_table.h"
#include "skylift/data/options.h"
#include "skylift/eval/evaluation.h"
#include "skylift/infer/bind_options.h"
#include "skylift/kd/distiller.h"
#include "skylift/losses/detection_loss.h"
#include "skylift/models/model_options.h"
#include "skylift/train/train_options.h"

namespace skylift {

struct RunOptions {
  DataOptions data;
  ModelOptions model;
  AtssOptions assign;
  DetectionLossOptions loss;
  TrainOptions train;
  DecodeOptions decode;
  EvalOptions eval;
  DistillOptions kd;
};

void bind(OptionSection section, RunOptions& options);

/// A config with assignments (KEY=VALUE) on top of it: a file, or the name of a recipe (recipes.h); empty: the
/// defaults. Error: neither a file nor a recipe; unknown keys, values out of range.
RunOptions read_run_options(const std::string& config, const std::vector<std::string>& assignments = {});

/// The options as a run's config.toml holds them.
std::string config_text(RunOptions options);

/// Of such a text, as a run's state and a model's card have it, too. An option younger than it has its default. Error:
/// unknown keys (a younger text), values out of range.
RunOptions parse_config_text(const std::string& text);

}  // namespace skylift
