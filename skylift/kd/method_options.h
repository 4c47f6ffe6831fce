// Options of the methods on features and of those that run a model's head; each is described in its method's header.
#pragma once

#include <string>

#include "skylift/config/option_table.h"

namespace skylift {

struct PkdOptions {
  double weight = 6;
};

struct CwdOptions {
  std::string source = "logits";  ///< or "features"
  double weight = 5;              ///< published: 5 on logits, 10 on features
  double temperature = 1;
};

struct FitnetOptions {
  double weight = 2;
};

struct MgdOptions {
  double weight = 2e-5;
  double hidden_share = 0.65;  ///< of the cells, hidden from the generator
};

struct FgdOptions {
  double temperature = 0.5;         ///< of the attention maps
  double foreground_weight = 1e-3;  ///< alpha
  double background_weight = 5e-4;  ///< beta
  double attention_weight = 5e-4;   ///< gamma
  double relation_weight = 5e-6;    ///< lambda
};

struct CrossKdOptions {
  double cls_weight = 1;
  double box_weight = 4;
  double box_temperature = 1;
  int tower_convs = 3;  ///< how many convolutions of its own towers the student runs before the teacher's take over
};

void bind(OptionSection section, PkdOptions& options);
void bind(OptionSection section, CwdOptions& options);
void bind(OptionSection section, FitnetOptions& options);
void bind(OptionSection section, MgdOptions& options);
void bind(OptionSection section, FgdOptions& options);
void bind(OptionSection section, CrossKdOptions& options);

}  // namespace skylift
