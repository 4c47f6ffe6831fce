// What the processes of a training have found, put together.
#pragma once

#include "skylift/train/validation.h"

namespace skylift {

/// `share`: what this process found, the shares being by rank. `truth`: of all images; their sizes come from the
/// shares. Called by all processes alike.
DetectedSet gathered(const DetectedSet& share, AnnotationSet truth);

/// Stopped, in all processes: a signal has come to one of them.
void throw_if_any_stopped();

}  // namespace skylift
