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

/// False, and nothing changed, where one of the branches cannot be folded.
bool fold_branches(std::vector<NamedTensor>& tensors) {
  at::Tensor &cls = tensor_named(tensors, "head.cls_predictor.weight").tensor,
             &box = tensor_named(tensors, "head.box_predictor.weight").tensor;
  at::Tensor &cls_light = tensor_named(tensors, lifting_prefix + "cls.weight").tensor,
             &reg_light = tensor_named(tensors, lifting_prefix + "reg.weight").tensor;
  const auto folded_cls = folded_branch(cls.detach(), cls_light.detach(), Branch::cls);
  const auto folded_reg = folded_branch(box.detach(), reg_light.detach(), Branch::reg);
  if (!folded_cls || !folded_reg) return false;
  cls = folded_cls->predictor, cls_light = folded_cls->light;
  box = folded_reg->predictor, reg_light = folded_reg->light;
  return true;
}

}  // namespace

DetectorState plain_state(const Detector& detector) { return {detector.options(), named_state(detector)}; }

DetectorState folded_state(const Detector& detector) {
  DetectorState state = plain_state(detector);
  LiftingOptions& lifting = state.options.head.lifting;
  if (!lifting.enabled || lifting.folded) return state;
  if (lifting.training_only) {
    lifting = LiftingOptions{};
    drop_lifting(state.tensors);
  } else if (const auto reason = unfoldable_reason(lifting)) {
    log_warning("Light-ML stays as it is in the saved model: {}", *reason);
  } else if (!fold_branches(state.tensors)) {
    log_warning("Light-ML stays as it is in the saved model: its weights have no stable inverse");
  } else {
    lifting = {.enabled = true, .folded = true};
  }
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
