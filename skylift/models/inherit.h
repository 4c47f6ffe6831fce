// "Inheriting": a student that begins with its teacher's neck and head, as those of FGD and MGD do (Yang et al. 2022,
// init_student in their code). A narrower student takes evenly spaced channels, one with shorter towers their first
// convolutions (Xu et al. 2024, "Initializing Models with Larger Ones").
#pragma once

#include <string>
#include <vector>

#include "skylift/models/detector.h"

namespace skylift {

struct InheritReport {
  std::vector<std::string> inherited;  ///< the student's tensors that hold the teacher's values now
  std::vector<std::string> kept;       ///< tensors of its neck and head that keep their own start
};

/// Copies every tensor of the student's neck and head that the teacher has, in this shape or a larger one, and that
/// means the same in both: levels are matched by their stride, and the weights of a lateral convolution are copied only
/// where the two backbones have equal channels. The backbone and Light-ML keep their start, and so do the predictors
/// under a teacher with folded Light-ML and the box predictor under one of other bins. Both have the same classes.
InheritReport inherit(Detector& student, const Detector& teacher);

}  // namespace skylift
