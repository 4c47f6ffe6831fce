// How large a network at least is, from its options alone: a small file must not make us allocate a large network only
// to find that its tensors are missing.
#pragma once

#include <cstdint>

#include "skylift/models/model_options.h"

namespace skylift {

/// Not more than the parameters of the detector, and not less than a quarter of them (the test has every backbone).
int64_t least_parameters(const ModelOptions& options, int class_count);

}  // namespace skylift
