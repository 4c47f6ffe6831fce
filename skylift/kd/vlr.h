// The valuable localisation region of LD (Zheng et al. 2022, "Localization Distillation for Dense Object Detection"):
// locations whose anchors overlap an object too little to be positive, but enough for the teacher's box there to be
// worth learning.
//
// For object g with ATSS threshold thr_g, point i belongs when 0.25 thr_g <= D_ig < thr_g; its weight is the largest
// IoU over the objects it belongs to. D is the DIoU of anchor and object. The authors' repository divides the
// intersection by the anchor's area instead of the union; `iof` gives that.
#pragma once

#include "skylift/assign/atss.h"
#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/region.h"

namespace skylift {

/// `atss`: of the assigner that made inputs.assignment; its anchors are meant.
Region vlr_region(const DistillInputs& inputs, const AtssOptions& atss, bool iof);

}  // namespace skylift
