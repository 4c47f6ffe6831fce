// A teacher that is an ONNX file, of ours (raw export) or of another tool, run by OpenVINO on the CPU.
#pragma once

#include <filesystem>

#include "skylift/teachers/open_teacher.h"

namespace skylift {

/// Error: the runtime refuses it, its outputs are not understood, no class in common with the data.
TeacherPtr open_onnx_teacher(const std::filesystem::path& file, const TeacherPlace& place);

}  // namespace skylift
