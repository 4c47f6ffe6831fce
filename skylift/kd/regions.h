// The regions by name. Every method takes one, so that "LD at CID's locations" is a configuration (kd.region = "cid").
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skylift/assign/atss.h"
#include "skylift/config/option_table.h"
#include "skylift/kd/cid.h"
#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/region.h"
#include "skylift/losses/point_gather.h"

namespace skylift {

struct RegionOptions {
  bool vlr_iof = false;  ///< LD repository's overlap for the valuable region: intersection over anchor instead of union
  CidOptions cid;
};

void bind(OptionSection section, RegionOptions& options);

/// all: every location that counts for classification, alike; positives: the assigner's, alike; vlr: see vlr.h;
/// boxes: locations inside some object's box, alike; cid: see cid.h.
const std::vector<std::string>& region_names();

/// The regions of one step; each is computed when it is first asked for.
class RegionSet {
 public:
  /// `atss`: of the assigner that made inputs.assignment. All must outlive the set.
  RegionSet(const DistillInputs& inputs, const RegionOptions& options, const AtssOptions& atss);

  /// Error: no such region (names the known ones).
  const Region& region(const std::string& name);
  /// Reads maps at the rows of that region.
  const PointGather& gather(const std::string& name);

 private:
  const DistillInputs& inputs_;
  const RegionOptions& options_;
  const AtssOptions& atss_;
  std::map<std::string, Region> regions_;
  std::map<std::string, PointGather> gathers_;
};

}  // namespace skylift
