// Teachers made of teachers. Those with other levels: teacher_levels.h
#pragma once

#include <vector>

#include "skylift/teachers/teacher_network.h"

namespace skylift {

/// Their mean: of the probabilities, of the boxes' distributions where all have them, else of the boxes. Features are
/// nobody's. Error: other levels, other classes known; boxes in files among networks (they see no pixels).
TeacherPtr mean_of_teachers(std::vector<TeacherPtr> teachers);

/// The mean with what it says of the mirrored image (test-time flip); features and network are those of the image.
TeacherPtr flipped_too(TeacherPtr teacher);

/// Sees Batch::fine_images, `scale` times as large: its level of stride s has the cells of the student's level of
/// stride s / scale, and distances in strides are the same numbers (multi-scale aligned distillation, Qi et al. 2021).
TeacherPtr at_scale(TeacherPtr teacher, int scale);

}  // namespace skylift
