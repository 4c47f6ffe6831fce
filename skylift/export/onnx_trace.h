// What a detector computes, as libtorch's tracer sees it: a list of aten operations. The exporter reads this list and
// so never needs to know which backbone, neck or head made it.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <map>
#include <memory>
#include <string>

#include "skylift/models/detector.h"

namespace skylift {

struct Trace {
  std::shared_ptr<torch::jit::Graph> graph;  ///< input: images; outputs: class logits, box logits, a level at a time
  std::shared_ptr<Detector> detector;        ///< a copy in eval mode with Light-ML folded; its tensors are constants
  std::map<const void*, std::string> names;  ///< a constant's memory -> the parameter's name
  DenseOutput output;                        ///< of the traced input
};

/// Runs a folded copy of the detector on zeros [1,3,height,width]. Error: an option of the detector is out of range.
Trace trace(const Detector& detector, int64_t height, int64_t width);

}  // namespace skylift
