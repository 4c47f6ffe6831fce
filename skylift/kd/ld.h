// LD, localisation distillation (Zheng et al. 2022, "Localization Distillation for Dense Object Detection"): the
// student's bins of each side of the box follow the teacher's, at the positives ("main") and in the valuable region
// around them ("vlr"). Per location l = T^2 * KL(teacher || student), summed over the four sides and the bins.
//
//   ours ("region"):  weight * sum(w l) / sum(w)
//   "authors":        weight * sum(w l / bins) / 4 (main) or / 16 (vlr)
//
// Ours does not depend on crowding, batch size or the number of bins. The authors' is never divided by a count: it grows
// with the positives in the batch and breaks on crowded images; both are equal where the weights sum to 4 x bins = 68.
// w is the student's largest class probability at positives, the IoU of anchor and object in the valuable region. At a
// region that is asked for, one term is computed under its weights.
#pragma once

#include "skylift/config/option_table.h"

namespace skylift {

struct DistillStep;

struct LdOptions {
  double main_weight = 0.25;  ///< at the positives, or in the region that kd.region names
  double vlr_weight = 0.25;   ///< in the valuable region
  double temperature = 10;
};

void bind(OptionSection section, LdOptions& options);

/// Terms kd_ld_main and kd_ld_vlr, or kd_ld.
void add_ld_terms(DistillStep& step);

}  // namespace skylift
