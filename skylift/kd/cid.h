// CID, centerness-based instance-aware distillation: which locations are distilled, and how much each counts.
//
// A RECONSTRUCTION. The paper (Du, Liao, Zhang, Cai, Chen, Huang: "Centerness-based Instance-aware Knowledge
// Distillation with Task-wise Mutual Lifting for Object Detection on Drone Imagery", arXiv 2411.02861) was readable
// only in its abstract, which says that CID "extracts valuable regions surrounding instances through the centerness of
// proposals". Everything below is our reading; where it leaves a choice, the choice is an option.
//
// The proposal P_i of location i is the box that the teacher predicts there, or the location's anchor. The weight of i
// for instance g is the centerness c of one inside the other:
//   reading "instance_in_proposal": g's centre inside P_i, i.e. how centred the proposal is on the object;
//   reading "proposal_in_instance": P_i's centre inside g's box, enlarged by a factor and to a least number of strides,
//   so that objects smaller than a cell own locations too.
// Only proposals that belong to g count: g is the instance that P_i overlaps most, and the overlap reaches a gate. The
// weights of each instance are then scaled to the same sum, so that a pedestrian of 12 pixels counts like a lorry of
// 120, or to a power of its area, or of how sure the teacher is of it (what it does not see it cannot teach). An
// instance without any location gets the nearest one, for its classes: no box there is its own. With a floor every location inside an instance's box, on every
// level, has at least that weight: features are worth copying where no proposal is centred, too. Ignored regions and
// padding weigh nothing.
#pragma once

#include <string>

#include "skylift/config/option_table.h"
#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/region.h"

namespace skylift {

struct CidOptions {
  std::string reading = "instance_in_proposal";  ///< or "proposal_in_instance"
  std::string proposals = "teacher";             ///< "teacher": its decoded boxes; "anchors": the locations' anchors
  double anchor_scale = 8;                       ///< side of an anchor, in strides
  double enlarge = 1.0;                          ///< proposal_in_instance: factor on the instance's sides
  double least_strides = 2.0;  ///< proposal_in_instance: least side of the enlarged instance, in strides of the level
  double gate_iou = 0.3;       ///< least IoU of proposal and instance
  bool gate_relative = false;  ///< the gate is a share of the instance's best IoU; sensible with anchors
  double score_power = 0.0;    ///< exponent of the factor "teacher's score of the instance's class"; 0: no factor
  double confidence_power = 0.0;  ///< an instance's weights sum to (the teacher's best score of its class there)^power
  double area_power = 0.0;        ///< an instance's weights sum to (area / 32^2 px)^power; 0: all alike
  double floor = 0.0;  ///< least weight of a location inside an instance's box, whatever is proposed there; 0: none
  double background_weight = 0.0;  ///< weight of the teacher's confident false positives; 0: background stays out
  double background_score = 0.3;   ///< a false positive's least score to count as confident

  bool instance_in_proposal() const { return reading == "instance_in_proposal"; }
};

void bind(OptionSection section, CidOptions& options);

/// Empty for images without instances. The teacher's boxes near instances are decoded on the outputs' device; which of
/// them belongs to whom is found on the CPU, in one pass over the instances and the locations near each.
Region cid_region(const DistillInputs& inputs, const CidOptions& options);

}  // namespace skylift
