// A data set cut in two without cutting a sequence: neighbouring frames of one flight are nearly the same picture, so a
// split by image would tune on what it trains on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// The flight or film an image belongs to: its folder, if it has one below the folder that all images have in common
/// (UAVDT), else its name up to the first "_" (VisDrone: "9999938_00000_d_0000208.jpg" is of "9999938"), else its name.
/// `file`: the path below that folder.
std::string sequence_name(const std::filesystem::path& file);

struct SplitSet {
  AnnotationSet fit;   ///< to train on
  AnnotationSet tune;  ///< to choose options on
};

/// Draws sequences for `tune` until it has about `share` of the images (one that would overshoot is passed over);
/// images keep their order. Where all images are of one sequence each is drawn by itself, which is said. The same seed
/// gives the same split everywhere. Error: share outside 0..1, or a part without images.
SplitSet split_by_sequence(const AnnotationSet& set, double share, uint64_t seed);

}  // namespace skylift
