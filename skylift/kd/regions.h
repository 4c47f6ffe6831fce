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
#include "skylift/kd/stored_signals.h"
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

/// Class logits over whole maps.
struct ClassMaps {
  std::vector<at::Tensor> logits;  ///< [B,C,H,W] a level, in float (double stays)
  std::vector<at::Tensor> known;   ///< [B,1,H,W] a level, 1 where there are logits; empty: everywhere
};

/// The regions of one step and what stands at their locations; each is computed when it is first asked for, so methods
/// that share a region share its cost.
class RegionSet {
 public:
  /// `atss`: of the assigner that made inputs.assignment. All must outlive the set.
  RegionSet(const DistillInputs& inputs, const RegionOptions& options, const AtssOptions& atss);

  /// Error: no such region (names the known ones).
  const Region& region(const std::string& name);
  /// Reads maps at the rows of that region.
  const PointGather& gather(const std::string& name);

  // At a region's locations, in the order of its rows. The teacher's have no gradient, and come from the file where its
  // signals are stored.
  const at::Tensor& student_cls(const std::string& region);  ///< [N,C]
  const at::Tensor& student_box(const std::string& region);  ///< [N,4,R+1]
  const at::Tensor& teacher_cls(const std::string& region);  ///< [N,C]
  const at::Tensor& teacher_box(const std::string& region);  ///< [N,4,R+1]
  at::Tensor student_distances(const std::string& region);   ///< [N,4] of the expected boxes, in strides
  at::Tensor teacher_distances(const std::string& region);   ///< [N,4]
  at::Tensor box_weights(const std::string& region);         ///< [N] the region's, 0 where the teacher has no box
  ClassMaps teacher_class_maps();

 private:
  using Logits = std::map<std::string, at::Tensor>;
  const StoredSignals& stored();

  const DistillInputs& inputs_;
  const RegionOptions& options_;
  const AtssOptions& atss_;
  std::map<std::string, Region> regions_;
  std::map<std::string, PointGather> gathers_;
  Logits student_cls_, student_box_, teacher_cls_, teacher_box_;  // by region
  std::unique_ptr<StoredSignals> stored_;
};

}  // namespace skylift
