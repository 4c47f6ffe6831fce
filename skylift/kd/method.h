// A distillation method: from one step's inputs to named terms.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>

#include "skylift/kd/distill_inputs.h"
#include "skylift/kd/distill_options.h"
#include "skylift/kd/regions.h"
#include "skylift/losses/loss_terms.h"
#include "skylift/models/detector.h"

namespace skylift {

/// One step, as a method sees it.
struct DistillStep {
  const DistillInputs& inputs;
  const DistillOptions& options;
  RegionSet& regions;
  LossTerms& terms;    ///< where methods put what they compute
  std::string region;  ///< where the method at work is asked to look; "default": its own region

  std::string region_or(const std::string& own) const { return default_region() ? own : region; }
  bool default_region() const { return region == "default"; }
  bool authors_form() const { return options.normalise == "authors"; }

  /// Images of this step, those of the other processes (skylift/dist/processes.h) included.
  double image_count() const;

  /// Adds weight * loss() under a name; with weight 0 nothing is computed.
  template <class Loss>
  void add(const std::string& name, double weight, const Loss& loss) {
    if (weight != 0) terms.push_back({name, weight * loss(), TermKind::distillation});
  }
};

/// Methods that train something (adapters) derive and register it; the others are functions, see function_method.
class DistillMethod : public torch::nn::Module {
 public:
  virtual void add_terms(DistillStep& step) = 0;
};

/// What is known of a model before it runs.
struct ModelShape {
  int classes = 0;
  int reg_max = 16;
  int channels = 0;          ///< of the pyramid; 0: a teacher that shows none
  std::vector<int> strides;  ///< px, finest first
  int head_channels = 0;     ///< of the head's towers
  int head_depth = 0;        ///< convolutions a tower
  bool bins = true;          ///< boxes are distributions; else of numbers alone (skylift/teachers)
};

ModelShape model_shape(const Detector& detector);

/// What a method is made from. The models are null where only shapes are known; they must outlive the method, which
/// never trains, registers or saves them.
struct MethodContext {
  const DistillOptions& options;
  ModelShape student, teacher;
  Detector* student_model = nullptr;
  Detector* teacher_model = nullptr;
};

using MethodPtr = std::shared_ptr<DistillMethod>;
MethodPtr function_method(std::function<void(DistillStep&)> add_terms);

}  // namespace skylift
