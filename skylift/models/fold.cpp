#include "skylift/models/fold.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "skylift/core/log.h"
#include "skylift/models/lifting.h"

namespace skylift {
namespace {

const std::string lifting_prefix = "head.lifting.";

/// Building a module draws its random start; a teacher that is loaded must not change what its student draws.
class KeptGenerator {
 public:
  KeptGenerator() : generator_(at::detail::getDefaultCPUGenerator()), state_(generator_.get_state()) {}
  ~KeptGenerator() { generator_.set_state(state_); }
  KeptGenerator(const KeptGenerator&) = delete;

 private:
  at::Generator generator_;
  at::Tensor state_;
};

NamedTensor& tensor_named(std::vector<NamedTensor>& tensors, const std::string& name) {
  return *std::find_if(tensors.begin(), tensors.end(), [&](const auto& named) { return named.name == name; });
}

void drop_lifting(std::vector<NamedTensor>& tensors) {
  std::erase_if(tensors, [](const auto& named) { return named.name.starts_with(lifting_prefix); });
}

void fold_branch(std::vector<NamedTensor>& tensors, const std::string& predictor, const std::string& light,
                 Branch branch) {
  at::Tensor& weight = tensor_named(tensors, predictor).tensor;
  weight = folded_weight(weight.detach(), tensor_named(tensors, light).tensor.detach(), branch);
}

}  // namespace

DetectorState plain_state(const Detector& detector) { return {detector.options(), named_state(detector)}; }

DetectorState folded_state(const Detector& detector) {
  DetectorState state = plain_state(detector);
  LiftingOptions& lifting = state.options.head.lifting;
  if (!lifting.enabled || lifting.folded) return state;
  if (lifting.training_only) {
    lifting = LiftingOptions{};
  } else if (const auto reason = unfoldable_reason(lifting)) {
    log_warning("Light-ML stays in the saved model: {}", *reason);
    return state;
  } else {
    fold_branch(state.tensors, "head.cls_predictor.weight", lifting_prefix + "cls.weight", Branch::cls);
    fold_branch(state.tensors, "head.box_predictor.weight", lifting_prefix + "reg.weight", Branch::reg);
    lifting.folded = true;
  }
  drop_lifting(state.tensors);
  return state;
}

std::shared_ptr<Detector> make_detector(const DetectorState& state, int class_count, const std::string& where) {
  const KeptGenerator kept;
  ModelOptions options = state.options;
  options.backbone.weights.clear();  // the state has them
  auto detector = std::make_shared<Detector>(options, class_count);
  load_state(*detector, state.tensors, where);
  detector->eval();
  return detector;
}

}  // namespace skylift
