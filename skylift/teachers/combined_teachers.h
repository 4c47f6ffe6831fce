// Teachers made of teachers.
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

/// With levels of those `strides` that are finer than its own, too: each of their cells has the score and the box of the
/// teacher's finest cell that it lies in. Its boxes are no distributions then and it shows no features. Itself where
/// there is no finer one.
TeacherPtr with_finer_levels(TeacherPtr teacher, const std::vector<int>& strides);

/// Without the levels that are finer than stride `finest`, which a student lacks: its level `finest` says what they say,
/// so that small objects are not taught to be background. A cell there has the scores and the box of the surest of its
/// own answer and of those finer cells about its point whose box holds the point. Its boxes are no distributions then
/// and it shows no features. Itself where there is no finer level, or none of this stride.
TeacherPtr with_levels_folded(TeacherPtr teacher, int finest);

}  // namespace skylift
