// A loop over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace skylift {

/// Calls body(i) once for each i in 0..count-1 on up to `threads` threads (0: one per core), in no order. The first
/// exception is rethrown here after all threads have stopped; items not yet begun are then skipped.
void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body);

}  // namespace skylift
