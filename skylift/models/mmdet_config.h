// What mmdetection's config says that tensors do not: how images are normalised and scaled, and settings that change a
// network without changing the shape of any tensor. The config is Python source, of 2.x or 3.x; it is searched, not
// run.
#pragma once

#include <optional>
#include <string>

#include "skylift/image/preprocess.h"

namespace skylift {

struct MmdetConfig {
  Preprocess preprocess;
  bool bgr = false;  ///< the network reads blue, green, red; `preprocess` is red first all the same
  std::optional<int> norm_groups;
};

/// What the text does not say keeps its default. Error, beginning with `where`: a setting that a detector here cannot
/// have (caffe's strides, extra pyramid levels from elsewhere than the output below).
MmdetConfig read_mmdet_config(const std::string& text, const std::string& where);

}  // namespace skylift
