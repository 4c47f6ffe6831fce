// Where a distillation looks, drawn for its report: FOLDER/regions.jpg.
#pragma once

#include "skylift/train/trainer.h"

namespace skylift {

/// Draws the regions of some training images (as `skylift distill --dry-run` does) unless the picture is there, or the
/// run has no teacher. A report is worth having without it: what goes wrong is a warning.
void draw_regions(TrainRequest request);

}  // namespace skylift
