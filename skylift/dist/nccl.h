// NCCL as a part that is loaded where CUDA is used: it needs CUDA's libraries to be there, which the program does not.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "skylift/dist/place.h"

namespace skylift {

/// Error: this build has no NCCL.
c10::intrusive_ptr<c10d::Backend> nccl_group(const c10::intrusive_ptr<c10d::Store>& store, const ProcessPlace& place);

}  // namespace skylift
