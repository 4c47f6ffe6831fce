// A teacher whose levels are other ones than its student's, brought to them. What is made of several cells or copied to
// several has scores and boxes alone: no distributions of boxes, no features, no network of its own to show.
#pragma once

#include <vector>

#include "skylift/teachers/teacher_network.h"

namespace skylift {

/// With levels of those `strides` that are finer than its own, too: each of their cells has the score and the box of the
/// teacher's finest cell that it lies in. Itself where there is no finer one.
TeacherPtr with_finer_levels(TeacherPtr teacher, const std::vector<int>& strides);

/// Whether the teacher has levels finer than `finest`, and that one, too.
bool has_levels_to_fold(const TeacherNetwork& teacher, int finest);

/// Without those finer levels, which a student lacks: level `finest` says what they say, so that small objects are not
/// taught to be background. A cell there has the scores and the box of the surest of its own answer and of those finer
/// cells about its point whose box holds the point. The network shown is the teacher's, for what inherits from it.
TeacherPtr with_levels_folded(TeacherPtr teacher, int finest);

}  // namespace skylift
