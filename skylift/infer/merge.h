// Detections of overlapping tiles made one list: suppression (NMS) or merging (NMM), as in SAHI (Akyon et al. 2022).
//
// Detections are taken by descending score, equal ones by x1, y1, x2, y2. Two match if their overlap, by the chosen
// metric on the boxes as detected, is at least the threshold, and they are of one class (or across_classes).
//   nms         a detection that is still there drops all later ones that it matches.
//   greedy-nmm  it takes them into its group instead.
//   nmm         every detection, in a group or not, draws the later ones it matches and that are in no group into its
//               own; a group is thus a chain.
// A group's box starts as its first member's and grows, in the order in which the others came, around each that still
// matches it; the others vanish. "came": by score for greedy-nmm, by place in the input for nmm. The group's score and
// class are its first member's.
//
// What SAHI does differently: of two boxes with one score, its nmm lets either draw the other.
//
// Matches are searched in a grid of cells about as large as the boxes, so the work is near n log n.
#pragma once

#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/infer/options.h"

namespace skylift {

/// By descending score, at most `limit`.
std::vector<Detection> merge_detections(const std::vector<Detection>& detections, const MergeOptions& options,
                                        int limit);

}  // namespace skylift
