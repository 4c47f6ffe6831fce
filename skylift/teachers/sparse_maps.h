// Finished boxes with scores as dense soft targets, by CID's geometry: what a dense teacher would say around them.
#pragma once

#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/data/geometry.h"
#include "skylift/teachers/dense_maps.h"

namespace skylift {

/// Of a box: a probability, rounded up at most; more is something else, percent say.
constexpr double kMostScore = 1.001;

struct SparseBox {
  BoxXyxy box;  ///< px of the batch's image
  double score = 0;
  int64_t label = 0;  ///< the student's class
};

/// A location's probability of a class is the largest score * weight of that class's boxes there; its box is that of the
/// largest one of all. A box's weights are centerness * fit, scaled so that its best location has 1: with the score there,
/// decoding gives the box back as it was.
///   centerness: of the location in the box, whose sides are at least two strides so that small ones have a location;
///   fit: 1 where the box's side is 8 strides, the anchor of GFL, falling to 0 at half and twice that (the finest and the
///   coarsest level take all that is smaller and larger), so that a box belongs to the levels that would find it.
/// Everywhere else the probability is 0, soft targets say "nothing here", too, and there is no box (DecodedMaps::known).
/// `images`: one list an image.
DecodedMaps sparse_maps(const std::vector<std::vector<SparseBox>>& images, const std::vector<int>& strides,
                        int64_t height, int64_t width, int64_t classes);

}  // namespace skylift
