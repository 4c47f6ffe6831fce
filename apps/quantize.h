// int8 by NNCF, which is Python: the program runs the script that it carries.
#pragma once

#include <filesystem>

#include "skylift/data/dataset.h"

namespace skylift {

/// Quantises weights and activations of a float ONNX file on the tensors in SOURCE.calibration/. The Python is that of
/// SKYLIFT_PYTHON, else python3. Error: it is not there, lacks NNCF or ONNX, or NNCF failed (its lines stand above).
void quantise(const std::filesystem::path& source, const std::filesystem::path& out);

/// Scores both files on a data set, by the protocol of its format, and prints what int8 lost.
void print_accuracy_lost(const std::filesystem::path& float_file, const std::filesystem::path& int8_file,
                         const Dataset& set);

}  // namespace skylift
