// CID as a method of its own: classes and boxes distilled at CID's locations under CID's weights (see cid.h, a
// reconstruction). Both terms are weighted means over the region, so an image with ten times as many objects does not
// count ten times as much.
#pragma once

#include <string>

#include "skylift/config/option_table.h"

namespace skylift {

struct DistillStep;

struct CidLossOptions {
  double cls_weight = 1;
  double box_weight = 0.25;     ///< of LD's divergence, summed over sides and bins
  std::string cls_loss = "kl";  ///< "kl": Bernoulli KL; "quality_focal": with the teacher's probability as soft target
  double cls_temperature = 1;   ///< of the Bernoulli KL
  double cls_beta = 1;          ///< exponent of the quality focal form
  double box_temperature = 10;
};

void bind(OptionSection section, CidLossOptions& options);

/// Terms kd_cid_cls and kd_cid_box.
void add_cid_terms(DistillStep& step);

}  // namespace skylift
