// Freed memory stays with the process.
#pragma once

namespace skylift {

/// A training allocates and frees the same large tensors in every step. glibc gives each of them back to the system,
/// which then clears and maps every page anew: a tenth of a small model's step. For the whole process, until it ends;
/// nothing where there is no glibc.
void keep_freed_memory();

}  // namespace skylift
