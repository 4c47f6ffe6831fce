// UAVDT (Du et al. 2018, the detection and tracking benchmark) as it is handed out: SEQ/imgNNNNNN.jpg and a folder GT
// with, per sequence, SEQ_gt_whole.txt: frame,target,x,y,w,h,out-of-view,occlusion,category (1 car, 2 truck, 3 bus)
// and, for most, SEQ_gt_ignore.txt: frame,-1,x,y,w,h,... Its levels do not rise with severity (out-of-view 1 none, 2
// medium, 3 small; occlusion 1 none, 2 large, 3 medium, 4 small); ours do.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"

namespace skylift {

bool is_uavdt_root(const std::filesystem::path& root);

/// Looks for GT in ROOT/GT, ROOT/UAV-benchmark-MOTD_v1.0/GT and ROOT, for the sequences in ROOT/UAV-benchmark-M and
/// ROOT. `split`: "" for all sequences, "test" for the benchmark's 20, "train" for the others. Error: none of these, a
/// sequence without images, an annotation of a frame that has no image, a malformed line.
AnnotationSet read_uavdt(const std::filesystem::path& root, std::string_view split = {}, Problems* problems = nullptr);

/// Writes GT/; the images belong into UAV-benchmark-M/. Objects of other classes than car, truck and bus are left out,
/// target ids are numbers within a frame. Error: an image that is not named SEQ/imgNNNNNN.EXT.
void write_uavdt(const std::filesystem::path& root, const AnnotationSet& set);

/// "FILE:LINE".
std::string uavdt_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Sequence and frame of "SEQ/imgNNNNNN.jpg"; frame 0: named otherwise.
struct UavdtFrame {
  std::string sequence;
  int frame = 0;
};
UavdtFrame uavdt_frame(const std::filesystem::path& file);

}  // namespace skylift
