// Fine-tuning: a student that begins with what fits of a trained model, whatever its size and classes.
#pragma once

#include <string>
#include <vector>

#include "skylift/models/model_file.h"

namespace skylift {

/// Copies every tensor of the model that has the student's name and shape; of the class predictor the rows of the classes
/// that both have, by name. Returns what became of it, one line. Error: nothing fits.
std::string start_from(Detector& student, const std::vector<std::string>& classes, const Model& model);

}  // namespace skylift
