// How a training on the CPU uses its memory again.
#pragma once

namespace skylift {

/// A training allocates and frees the same large tensors in every step. glibc gives each of them back to the system,
/// which then clears and maps every page anew: a tenth of a small model's step. So freed memory stays with the process.
/// And libtorch asks for aligned memory, for which glibc (2.36) looks for more than is asked for, so that no tensor fits
/// into the hole that one of its size left: a third of a training's memory was such holes. So tensors are aligned here,
/// within blocks that malloc finds again. For the whole process, until it ends.
void reuse_tensor_memory();

}  // namespace skylift
