// Teachers from files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/data/dataset.h"
#include "skylift/infer/device.h"
#include "skylift/kd/distill_options.h"
#include "skylift/models/model_options.h"
#include "skylift/teachers/teacher_network.h"

namespace skylift {

/// What a teacher has to fit. All must outlive it.
struct TeacherPlace {
  const DistillOptions& kd;
  const ModelOptions& student;
  const Preprocess& input;  ///< of the batches
  const Dataset& train_set;
  const ComputeDevice& compute;
  const Dataset* unlabelled = nullptr;  ///< data.unlabelled; null: none
};

/// A model of ours (.safetensors), an ONNX file of ours or of another tool (foreign_layout.h), a file or folder of
/// detections (read_detections). Several: their mean. kd.teacher_scale, _flip, _finer and _fold hold for each.
/// Error: no such thing, other classes than the data's, outputs that are not understood, several that have other levels.
TeacherPtr open_teacher(const std::vector<std::filesystem::path>& files, const TeacherPlace& place);

}  // namespace skylift
